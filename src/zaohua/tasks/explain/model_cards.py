"""Cards of what a page shows of what a model does: counterfactuals, walks, how items come about, and attention."""

from __future__ import annotations

import numpy as np

from zaohua.report.numbers import number
from zaohua.tasks.explain import shown
from zaohua.tasks.explain.attention import Attention
from zaohua.tasks.explain.cards import TITLES, Card, Strip
from zaohua.tasks.explain.counterfactuals import Counterfactual, Counterfactuals
from zaohua.tasks.explain.noising import Noising
from zaohua.tasks.explain.shown import Tile
from zaohua.tasks.explain.subject import Subject
from zaohua.tasks.explain.walks import Walks


def counterfactuals(subject: Subject, found: Counterfactuals) -> Card:
    """Make the card of the panel."""
    flips = sum(each.flips for each in found.found)
    far = float(np.median([each.distance for each in found.found])) if found.found else 0.0
    lead = (
        f"{flips} of {len(found.found)} change what the classifier sees; they move by {number(far)} in the median, "
        f"where items of different classes are {number(found.between)} apart."
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


def walks(subject: Subject, found: Walks) -> Card:
    """Make the card of the panel."""
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


def noising(subject: Subject, found: Noising) -> Card:
    """Make the card of the panel."""
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


def attention(subject: Subject, found: Attention) -> Card:
    """Make the card of the panel."""
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
    reach = Tile(shown.image_map(found.reach, "reach of heads"), "heads from left to right, layers downwards")
    card.strips.append(Strip("how far back each head looks", [reach]))
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
