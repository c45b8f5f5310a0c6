"""Cards of what a page shows of an item: neighbours, surprisal, oddness and attributions."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from markupsafe import Markup

from zaohua.report.numbers import minus, number
from zaohua.tasks.explain import shown
from zaohua.tasks.explain.attributions import Explained
from zaohua.tasks.explain.neighbours import Neighbours
from zaohua.tasks.explain.oddness import Oddness
from zaohua.tasks.explain.shown import Bar, Tile
from zaohua.tasks.explain.subject import Subject
from zaohua.tasks.explain.surprisal import Surprisal

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


def neighbours(subject: Subject, found: Neighbours) -> Card:
    """Make the card of the panel."""
    x = subject.model.prepare_items(found.nearest).x
    near = [
        Tile(_differing(subject, t.content), t.caption) for t in shown.tiles(subject, x, _captions(found), "neighbour")
    ]
    if found.is_training:
        lead = "This item is a training item."
    else:
        lead = (
            f"{found.rank:.0%} of the held-out items are as far from their nearest training item as this one "
            f"({number(float(found.distances[0]))}); its nearest held-out item is at {number(found.held_out)}."
        )
    n, train, test = found.n
    note = (
        f"{train:,} training and {test:,} held-out items of {Path(subject.reference.data).name}. "
        f"Of {n} samples {found.copied:.1%} are much nearer to a training item than to held-out ones, "
        f"{found.expected:.1%} by chance (p = {found.p:.2g})."
    )
    warning = "The model copies: its samples are nearer to training items than chance allows." if found.accused else ""
    return Card(TITLES["neighbours"], lead, note, warning, [Strip("", near)])


def _captions(found: Neighbours) -> list[str]:
    return [f"at {number(d)}" for d in found.distances.tolist()]


def _differing(subject: Subject, content: Markup | str) -> Markup | str:
    """Return the cells of a row that differ from the item's; other items as they are."""
    if isinstance(content, Markup) or not subject.model.spec_.is_row:
        return content
    own = set(shown.texts(subject, subject.x)[0].split("\n"))
    return "\n".join(line for line in content.split("\n") if line not in own) or "the same in all cells"


def surprisal(subject: Subject, found: Surprisal) -> Card:
    """Make the card of the panel."""
    nats, unit = found.nats, "nats"
    if found.kind == "exact":
        lead = f"The sum is {number(found.total)} nats: the item's score, {number(found.score)}, with the other sign."
    elif found.kind == "bound":
        lead = f"These {number(found.total)} nats are a bound of −log p; that of the score is {_negative(found.score)}."
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
    elif nats.ndim == 3 and subject.is_grid:
        places = shown.heat(place_map(subject, nats), "surprisal by place")
        own = shown.tiles(subject, subject.x, ["the item"])
        card.strips.append(Strip("", [*own, Tile(places, f"up to {nats.max():.2f} {unit}")]))
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


def oddness(subject: Subject, found: Oddness) -> Card:
    """Make the card of the panel."""
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
            f"Raw likelihood misleads here: it follows how complex items are (rank correlation {found.follows:.2f} "
            f"with {found.background}), so simple items of another kind would look likely. Read the ratio."
        )
    charts = [
        (m.title, shown.histogram(m.usual, m.value, m.title), f"{m.about}. Odder: {m.rank:.0%} of held-out items.")
        for m in found.measures.values()
    ]
    note = f"Grey: held-out items; further right is odder. The background of the ratio: {found.background}."
    return Card(TITLES["oddness"], lead, note, warning, charts=charts)


def attributions(subject: Subject, found: tuple[Explained, ...]) -> Card:
    """Make the card of the panel."""
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
                shares = place_map(subject, each.gradients.values)
                tiles.append(
                    Tile(
                        shown.heat(shares, "integrated gradients"),
                        "integrated gradients",
                        f"gap {each.gradients.gap:.1e}",
                    )
                )
            tiles.append(Tile(shown.heat(place_map(subject, each.occlusion[None]), "occlusion"), "occlusion"))
            card.strips.append(Strip(each.title, tiles))
        else:
            card.charts.append((each.title, shown.wave(each.occlusion.ravel(), each.title), ""))
    card.note += " Red speaks for it, blue against."
    return card


def place_map(subject: Subject, values: np.ndarray) -> np.ndarray:
    """Add up the channels of a map, and turn spectrograms upright."""
    flat: np.ndarray = values.sum(0)
    return flat if shown.upright(subject) else flat[::-1]


def _largest(found: list[Bar]) -> list[Bar]:
    if len(found) <= BARS:
        return found
    kept = sorted(range(len(found)), key=lambda i: -abs(found[i].share))[:BARS]
    return [found[i] for i in sorted(kept)]


def _negative(score: float | None) -> str:
    return number(None if score is None else -score)
