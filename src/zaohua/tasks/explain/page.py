"""Page of an explanation as one self-contained HTML file: a card for each panel, and the reasons of missing ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from zaohua import __version__
from zaohua.report import html
from zaohua.tasks.explain import cards, model_cards, shown
from zaohua.tasks.explain.cards import TITLES, Card
from zaohua.tasks.explain.subject import Subject

TEMPLATE = Path(__file__).with_name("page.html.jinja")
CARDS: dict[str, Callable[..., Card]] = {
    "neighbours": cards.neighbours,
    "surprisal": cards.surprisal,
    "oddness": cards.oddness,
    "attributions": cards.attributions,
    "counterfactuals": model_cards.counterfactuals,
    "walks": model_cards.walks,
    "noising": model_cards.noising,
    "attention": model_cards.attention,
}
"""What makes the card of each panel."""


def text(subject: Subject, panels: dict[str, object], absent: dict[str, str], command: str = "") -> str:
    """Make the text of the page.

    Args:
        subject: the model and the item.
        panels: what was found, by the name of the panel.
        absent: why other panels are missing.
        command: the command that makes the page again; empty for none.
    """
    model = subject.model
    return html.render(
        TEMPLATE,
        model=type(model).__name__,
        run=Path(model.run_).resolve().name if model.run_ else "",
        origin=subject.origin,
        given=subject.given,
        item=shown.tiles(subject, subject.x)[0],
        describes=model.codec_.describe(model.n_items_),
        cards=[(name, CARDS[name](subject, panel)) for name, panel in panels.items()],
        absent=[(TITLES[name], reason) for name, reason in absent.items()],
        command=command,
        version=__version__,
    )
