"""Page of an explanation as one self-contained HTML file: a card for each panel, and the reasons of missing ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from markupsafe import Markup

from zaohua import __version__
from zaohua.report import html
from zaohua.report.numbers import minus, number
from zaohua.tasks.explain import shown
from zaohua.tasks.explain.attention import Attention
from zaohua.tasks.explain.attributions import Explained
from zaohua.tasks.explain.counterfactuals import Counterfactual, Counterfactuals
from zaohua.tasks.explain.neighbours import Neighbours
from zaohua.tasks.explain.noising import Noising
from zaohua.tasks.explain.oddness import Oddness
from zaohua.tasks.explain.shown import Bar, Tile
from zaohua.tasks.explain.subject import Subject
from zaohua.tasks.explain.surprisal import Surprisal
from zaohua.tasks.explain.walks import Walks

TEMPLATE = Path(__file__).with_name("page.html.jinja")
BARS = 24
"""Most bars of a list; the largest are kept."""


@dataclass
class Strip:
    """A row of tiles under a title."""

    title: str
    tiles: list[Tile]


@dataclass
class Card:
    """What a page shows of a panel.

    Attributes:
        title, lead: heading, and a sentence of what was found.
        note: how, in small print.
        warning: what must be known before reading it.
        strips, bars, words, charts: its content; bars and words with a title.
        steps: tokens with their alternatives.
    """

    title: str
    lead: str
    note: str = ""
    warning: str = ""
    strips: list[Strip] = field(default_factory=list)
    bars: list[tuple[str, list[Bar]]] = field(default_factory=list)
    words: list[tuple[str, list[tuple[str, float, str]]]] = field(default_factory=list)
    charts: list[tuple[str, Markup, str]] = field(default_factory=list)
    steps: list[tuple[str, str, str]] = field(default_factory=list)


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


def _neighbours(subject: Subject, found: Neighbours) -> Card:
    x = subject.model.prepare_items(found.nearest).x
    captions = [f"{number(d)}" for d in found.distances.tolist()]
    if found.is_training:
        lead = "This item is a training item."
    else:
        lead = (
            f"{found.rank:.0%} of the held-out items are as far from their nearest training item as this one "
            f"({number(float(found.distances[0]))}); its nearest held-out item is at {number(found.held_out)}."
        )
    n, train, test = found.n
    note = (
        f"{train:,} training and {test:,} held-out items of {subject.reference.data}. Of {n} samples {found.copied:.1%} "
        f"are much nearer to a training item than to held-out ones, {found.expected:.1%} by chance (p = {found.p:.2g})."
    )
    warning = "The model copies: its samples are nearer to training items than chance allows." if found.accused else ""
    return Card(TITLES["neighbours"], lead, note, warning, [Strip("", shown.tiles(subject, x, captions, "neighbour"))])


def _surprisal(subject: Subject, found: Surprisal) -> Card:
    nats, unit = found.nats, "nats"
    if found.kind == "exact":
        lead = f"The sum is {number(found.total)} nats: the item's score, {number(found.score)}, with the other sign."
    elif found.kind == "bound":
        lead = f"These {number(found.total)} nats are a bound of −log p; the tighter one of the score is {_negative(found.score)}."
    else:
        lead, unit = "An estimate: where the model can't restore what noise has covered.", "squared error"
    card = Card(TITLES["surprisal"], lead, found.how)
    worst = ""
    if found.names and subject.model.spec_.is_row:
        values = found.nats if found.rest is None else found.rest
        more = [""] * len(values) if found.rest is None else [f"{v:.2f} before" for v in found.nats.tolist()]
        card.bars.append(("given all other cells" if found.rest is not None else "by cell", _largest(
            shown.bars(found.names, values, f" {unit}", more))))  # fmt: skip
        worst = f"Most surprising: {found.names[int(values.argmax())]}."
    elif found.names:
        card.words.append(("", shown.words(found.names, nats, unit)))
        kept = [i for i, name in enumerate(found.names) if name.strip()]
        if kept:
            most = max(kept, key=lambda i: nats[i])
            worst = f"Most surprising: “{found.names[most].strip()}”, {nats[most]:.1f} nats."
    elif nats.ndim >= 2 and subject.is_grid and nats.ndim == 3:
        card.strips.append(
            Strip("", [Tile(shown.heat(_map(subject, nats), "surprisal by place"), f"up to {nats.max():.2f} {unit}")])
        )
        card.strips[0].tiles.insert(0, shown.tiles(subject, subject.x, ["the item"])[0])
    elif nats.ndim == 2:
        cells = nats[:, ::-1].T if nats.shape[1] > 12 else nats.T
        card.strips.append(
            Strip(
                "time from left to right",
                [Tile(shown.image_map(cells, "surprisal by cell"), f"up to {nats.max():.2f} nats")],
            )
        )
    else:
        card.charts.append(("−log p along the item", shown.wave(nats.ravel(), "surprisal by sample"), ""))
    if found.latents is not None:
        card.charts.append(
            (f"{found.latents.sum():.1f} nats of the latents", shown.columns(found.latents, "nats by latent"), "")
        )
    if found.levels:
        levels = np.array([error for _, error in found.levels])
        names = [f"noise {level:g}" for level, _ in found.levels]
        card.bars.append(("error by noise", shown.bars(names, levels)))
    card.lead = f"{card.lead} {worst}".strip()
    return card


def _oddness(subject: Subject, found: Oddness) -> Card:
    ranks = {name: measure.rank for name, measure in found.measures.items()}
    best = next(name for name in ("ratio", "raw", "distance") if name in ranks)
    if found.inverts is False and "raw" in ranks and not subject.is_grid:
        best = "raw"
    odd = 1 - ranks[best]
    measure = found.measures[best]
    lead = f"By {measure.title}, it is odder than {odd:.0%} of the held-out items." if odd >= 0.5 else (
        f"By {measure.title}, it is no odder than usual: {ranks[best]:.0%} of the held-out items are at least as odd."
    )  # fmt: skip
    warning = ""
    if found.inverts and found.follows is not None:
        warning = (
            f"Raw likelihood misleads here: it follows how complex items are (rank correlation {found.follows:.2f} with "
            f"{found.background}), so simple items of another kind would look likely. Read the ratio."
        )
    charts = [
        (m.title, shown.histogram(m.usual, m.value, m.title), f"{m.about}. Odder: {m.rank:.0%} of held-out items.")
        for m in found.measures.values()
    ]
    note = f"Grey: held-out items; further right is odder. The background of the ratio: {found.background}."
    return Card(TITLES["oddness"], lead, note, warning, charts=charts)


def _attributions(subject: Subject, found: tuple[Explained, ...]) -> Card:
    card = Card(TITLES["attributions"], "", " ".join(dict.fromkeys(each.how for each in found)))
    card.lead = " ".join(
        f"{each.title.capitalize() if each.title[0] == 'a' else each.title}: {minus(f'{each.at:.2f}')} {each.unit}."
        for each in found
    )
    for each in found:
        if each.names and subject.model.spec_.is_row:
            card.bars.append((each.title, _largest(shown.bars(each.names, each.occlusion))))
        elif each.names:
            card.words.append((each.title, shown.words(each.names, each.occlusion, each.unit)))
        elif each.occlusion.ndim == 2:
            tiles = [shown.tiles(subject, subject.x, ["the item"])[0]]
            if each.gradients is not None:
                shares = _map(subject, each.gradients.values)
                tiles.append(
                    Tile(
                        shown.heat(shares, "integrated gradients"),
                        "integrated gradients",
                        f"gap {each.gradients.gap:.1e}",
                    )
                )
            tiles.append(Tile(shown.heat(_map(subject, each.occlusion[None]), "occlusion"), "occlusion"))
            card.strips.append(Strip(each.title, tiles))
        else:
            card.charts.append((each.title, shown.wave(each.occlusion.ravel(), each.title), ""))
    card.note += " Red speaks for it, blue against."
    return card


def _counterfactuals(subject: Subject, found: Counterfactuals) -> Card:
    flips = sum(each.flips for each in found.found)
    far = float(np.median([each.distance for each in found.found])) if found.found else 0.0
    lead = (
        f"{flips} of {len(found.found)} change what the classifier sees; they move by {number(far)} in the median, where "
        f"items of different classes are {number(found.between)} apart."
    )
    made = [_counterfactual(subject, each) for each in found.found]
    own = shown.tiles(subject, subject.x, [f"as it is: {found.label}"])
    note = f"{found.how} The classifier is right on {found.accuracy:.0%} of held-out items."
    return Card(TITLES["counterfactuals"], lead, note, strips=[Strip("", own + made)])


def _counterfactual(subject: Subject, each: Counterfactual) -> Tile:
    (tile,) = shown.tiles(subject, each.x)
    content = tile.content
    if subject.model.spec_.is_row:
        lines = str(content).split("\n")
        content = "\n".join(line for line in lines if line.split(":")[0] in each.changed) or "nothing but the label"
    more = f"{each.before:.0%} → {each.after:.0%}, moved {number(each.distance)}"
    return Tile(content, f"as {each.label}", more, "good" if each.flips else "bad")


def _walks(subject: Subject, found: Walks) -> Card:
    strips = []
    for walk in found.walks:
        tiles = shown.tiles(subject, walk.x, walk.classes, walk.name)
        if walk.chances:
            tiles = [Tile(t.content, t.caption, f"{p:.0%}") for t, p in zip(tiles, walk.chances, strict=True)]
        strips.append(Strip(walk.name, tiles))
    named = "" if found.accuracy is None else (
        f" Below: what a classifier takes each for, which is right on {found.accuracy:.0%} of held-out items."
    )  # fmt: skip
    return Card(TITLES["walks"], "What the model makes of latents beside the item's.", found.how + named, strips=strips)


def _noising(subject: Subject, found: Noising) -> Card:
    card = Card(TITLES["noising"], found.how)
    if found.seen is not None:
        title = "what is there" if found.expected is not None else ""
        card.strips.append(Strip(title, shown.tiles(subject, found.seen, found.names)))
    if found.expected is not None:
        card.strips.append(Strip("what it is expected to become", shown.tiles(subject, found.expected, found.names)))
    for step in found.steps:
        others = ", ".join(f"{_visible(name)} {p:.0%}" for name, p in step.others)
        card.steps.append((step.text or "⏹", f"rank {step.rank + 1}, {step.p:.1%}; {others}", _mark(step.rank)))
    return card


def _mark(rank: int) -> str:
    """Return the class of a token by its rank: the first, among the first ten, or a surprise."""
    return "first" if rank == 0 else "likely" if rank < 10 else "rare"


def _attention(subject: Subject, found: Attention) -> Card:
    lead = f"The heads look {found.reach.mean():.1f} tokens back in the mean, the farthest {found.reach.max():.1f}."
    if found.condition > 0:
        lead += f" {found.condition:.0%} of what the last token owes goes to the condition."
    note = (
        "Rollout follows attention through all layers; it says where information came from, not whether it was used. "
        "Received: how much later tokens look at each, where 1 is looking evenly."
    )
    card = Card(TITLES["attention"], lead, note)
    if found.grid:
        channels, height, width = found.grid
        parts = [("what the last pixel owes to each", found.last), ("received by each", found.received)]
        maps = [Tile(shown.heat(v.reshape(height, width, channels).mean(2), name), name) for name, v in parts]
        card.strips.append(Strip("", [shown.tiles(subject, subject.x, ["the item"])[0], *maps]))
    else:
        names = _token_texts(subject, len(found.last))
        card.words.append(("what the last token owes to each", shown.words(names, found.last, "of 1")))
        card.words.append(("received by each", shown.words(names, found.received - 1, "above even")))
    card.strips.append(Strip("how far back each head looks", [Tile(shown.image_map(found.reach, "reach of heads"),
                                                                 "heads from left to right, layers downwards")]))  # fmt: skip
    return card


def _token_texts(subject: Subject, count: int) -> list[str]:
    """Return what each token that was read stands for; the one before the item as nothing."""
    codec = subject.model.codec_
    tokens = subject.x[0, :count].tolist()
    if hasattr(codec, "plain"):
        return [codec.plain([t], begins=False) if codec.is_text(t) else "" for t in tokens]
    return [codec.name(t) if hasattr(codec, "name") else str(t) for t in tokens]


def _visible(name: str) -> str:
    return {"": "end", " ": "␣", "\n": "↵"}.get(name, name)


def _map(subject: Subject, values: np.ndarray) -> np.ndarray:
    """Add up the channels of a map, and turn spectrograms upright."""
    flat = values.sum(0)
    return flat if shown.upright(subject) else flat[::-1]


def _largest(found: list[Bar]) -> list[Bar]:
    if len(found) <= BARS:
        return found
    kept = sorted(range(len(found)), key=lambda i: -abs(found[i].share))[:BARS]
    return [found[i] for i in sorted(kept)]


def _negative(score: float | None) -> str:
    return number(None if score is None else -score)


TITLES = {
    "neighbours": "Its nearest training items",
    "surprisal": "What surprised the model",
    "oddness": "Is it odd?",
    "attributions": "What the answer depends on",
    "counterfactuals": "What would have to change",
    "walks": "Walks through latent space",
    "noising": "How it came about",
    "attention": "What attention looked at",
}
CARDS: dict[str, Callable[..., Card]] = {
    "neighbours": _neighbours,
    "surprisal": _surprisal,
    "oddness": _oddness,
    "attributions": _attributions,
    "counterfactuals": _counterfactuals,
    "walks": _walks,
    "noising": _noising,
    "attention": _attention,
}
