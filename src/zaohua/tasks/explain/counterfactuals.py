"""What would have to change for another answer: the item as the model makes it of another class.

Conditional models that encode (VAEs, flows) decode the item's latents with another label. Tables have the label of the
row changed and as few other cells as possible drawn anew, those first that speak most for the present label. Whether
it worked says a classifier that learnt from real items alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import NotAvailable
from zaohua.core.noise import ItemNoise, derive_seed
from zaohua.core.record import Condition
from zaohua.modalities.tables.codec import TableCodec
from zaohua.tasks.explain.judge import Judge
from zaohua.tasks.explain.neighbours import distances
from zaohua.tasks.explain.rows import cells_of, class_probabilities, hidden, target_of
from zaohua.tasks.explain.subject import Subject, label_names
from zaohua.tasks.explain.vectors import inputs
from zaohua.tasks.explain.walks import prepared, recogniser

DRAWS, CHOICES = 16, 9
"""Draws of each set of cells, and other classes that are tried."""
CLASSES = 600
"""Training items among which the distances between classes are taken."""


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """The item as it is of another class.

    Attributes:
        label: the class that was asked for.
        x: the item as a tensor, (1, ...).
        before, after: probability of this class by a classifier.
        flips: whether the classifier takes it for this class.
        distance: how far it moved.
        changed: names of the cells that changed, of tables.
    """

    label: str
    x: Tensor
    before: float
    after: float
    flips: bool
    distance: float
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Counterfactuals:
    """Counterfactuals of an item.

    Attributes:
        label: the class that it is.
        found: one for each other class.
        between: median distance between items of different classes.
        accuracy: share of held-out items that the classifier recognises.
        how: what was done, in a sentence.
    """

    label: str
    found: tuple[Counterfactual, ...]
    between: float
    accuracy: float
    how: str


def counterfactuals(subject: Subject) -> Counterfactuals:
    """Make the item as it would be of each other class.

    Raises:
        NotAvailable: the model has no labels, or neither encodes nor completes.
    """
    if isinstance(subject.model.codec_, TableCodec):
        return _of_rows(subject)
    model, names = subject.model, label_names(subject.model)
    if not (hasattr(model, "transform") and hasattr(model, "inverse_transform") and model.normal_latents):
        raise NotAvailable(f"a {type(model).__name__} doesn't encode items")
    judge, accuracy = recogniser(subject)
    if judge is None or accuracy is None:
        raise NotAvailable("no real items with labels are known")
    own = subject.label
    others = [k for k in range(len(names)) if k != own][:CHOICES]
    x, y, noise = subject.batch
    with model.inference():
        z = model.encode(x, y, noise).repeat(len(others) + 1, 1)
        codes = torch.tensor([own, *others])
        made = model.decode(z, model.prepare_conditions(codes, ItemNoise([0] * len(codes))))
    items = model.prepare_items(model.encode_items(model.decode_tensors(made))).x
    found = _judged(subject, judge, items[1:], [names[k] for k in others], items[:1])
    how = "The item's latents, decoded with another label. Distances are to what the same latents give with its own."
    return Counterfactuals(names[own], found, between(subject), accuracy, how)


def _judged(subject: Subject, judge: Judge, x: Tensor, labels: list[str], start: Tensor) -> tuple[Counterfactual, ...]:
    inside = [str(name) for name in judge.classes]
    before, after = (judge.probabilities(inputs(subject.model, part)) for part in (start, x))
    far = distances(*(inputs(subject.model, part).flatten(1).numpy() for part in (start, x)))[0]
    return tuple(
        Counterfactual(
            label, x[i : i + 1], float(before[0, inside.index(label)]), float(after[i, inside.index(label)]),
            inside[int(after[i].argmax())] == label, float(far[i]),
        )
        for i, label in enumerate(labels)
        if label in inside
    )  # fmt: skip


def between(subject: Subject) -> float:
    """Return the median distance between training items of different classes."""
    codes, labels = subject.reference.train
    assert labels is not None
    rows = np.arange(min(len(codes), CLASSES))
    v, own = subject.vectors(codes.take(rows)), np.array([str(label) for label in labels[: len(rows)]])
    return float(np.median(distances(v, v)[own[:, None] != own]))


# ---- tables


def _of_rows(subject: Subject) -> Counterfactuals:
    model = subject.model
    if not (hasattr(model, "complete") and getattr(model, "marginalises", False)):
        raise NotAvailable(f"a {type(model).__name__} doesn't complete rows exactly")
    labels = _train_labels(subject)
    reference = subject.reference
    train, test = (_without_target(subject, prepared(subject, part[0])) for part in (reference.train, reference.test))
    judge = Judge(train, labels[0])
    accuracy = judge.accuracy(test, labels[1])
    own = _own_label(subject)
    names = _names(subject)
    found = tuple(_changed(subject, judge, k, name) for k, name in enumerate(names) if k != own and k in judge.classes)[
        :CHOICES
    ]
    far = train[: min(len(train), CLASSES)].numpy()
    classes = np.array(labels[0][: len(far)])
    usual = float(np.median(distances(far, far)[classes[:, None] != classes]))
    how = (
        "The label is changed, and as few other cells as possible are drawn anew given it and the rest, those first "
        "that speak most for the present label."
    )
    return Counterfactuals(names[own], found, usual, accuracy, how)


def _names(subject: Subject) -> list[str]:
    if subject.model.y_codec_ is not None:
        return label_names(subject.model)
    name, (feature,), size = target_of(subject)
    x = subject.x.repeat(size, 1)
    x[:, feature] = torch.arange(size).double()
    items = subject.model.decode_tensors(x)
    if hasattr(items, "columns"):
        return [str(value) for value in items[name].tolist()]
    return [str(k) for k in range(size)]


def _own_label(subject: Subject) -> int:
    if subject.model.y_codec_ is not None:
        return subject.label
    return int(subject.x[0, target_of(subject)[1][0]])


def _train_labels(subject: Subject) -> list[list[int]]:
    """Return the labels of training and held-out rows as codes."""
    found, codec = [], subject.model.y_codec_
    for codes, labels in (subject.reference.train, subject.reference.test):
        if codec is not None:
            if labels is None:
                raise NotAvailable("no real rows with labels are known")
            found.append([int(k) for k in codec.encode(list(labels))[np.arange(len(labels))]])
        else:
            rows = subject.model.prepare_items(codes).x
            found.append(rows[:, target_of(subject)[1][0]].long().tolist())
    return found


def _without_target(subject: Subject, wide: Tensor) -> Tensor:
    """Return wide rows without the column that is to be predicted."""
    if subject.model.y_codec_ is not None:
        return wide
    from zaohua.nn.rows import RowLayout

    (feature,) = target_of(subject)[1]
    first, size = next((f, s) for index, f, s in RowLayout(subject.model.spec_).categories if index == feature)
    return torch.cat([wide[:, :first], wide[:, first + size :]], dim=1)


def _changed(subject: Subject, judge: Judge, label: int, name: str) -> Counterfactual:
    """Redraw more and more cells until the classifier takes the row for a class, and choose the nearest such row."""
    x, model, skipped = subject.x, subject.model, []
    y: Condition | None = None
    if model.y_codec_ is None:
        skipped = target_of(subject)[1]
    else:
        y = model.prepare_conditions(torch.full((DRAWS,), label), ItemNoise([0] * DRAWS))
    cells = [(cell, features) for cell, features in cells_of(subject) if features != skipped]
    with model.inference():
        rows = torch.cat([x, *(hidden(subject, x, features) for _, features in cells)])
        log_p = class_probabilities(subject, rows).double().numpy()
        own = _own_label(subject)
        speaks = (log_p[0, own] - log_p[0, label]) - (log_p[1:, own] - log_p[1:, label])
    order = np.argsort(-speaks, kind="stable")
    start, position = _seen(subject, x), judge.classes.index(label)
    before = float(judge.probabilities(start)[0, position])
    best: tuple[float, Tensor, float] | None = None
    for count in range(1, len(cells) + 1):
        drawn = _redrawn(subject, [f for i in order[:count] for f in cells[i][1]], label, skipped, y)
        after = judge.probabilities(_seen(subject, drawn))
        far = distances(start.numpy(), _seen(subject, drawn).numpy())[0]
        flips = after.argmax(1) == position
        chosen = int(np.where(flips, far, np.inf).argmin() if flips.any() else after[:, position].argmax())
        if flips.any() or best is None or after[chosen, position] > best[2]:
            best = (float(far[chosen]), drawn[chosen : chosen + 1], float(after[chosen, position]))
        if flips.any():
            return _told(subject, name, best, before, True, cells)
    assert best is not None
    return _told(subject, name, best, before, False, cells)


def _told(
    subject: Subject, name: str, best: tuple[float, Tensor, float], before: float, flips: bool,
    cells: list[tuple[str, list[int]]],
) -> Counterfactual:  # fmt: skip
    far, row, after = best
    same = torch.isclose(row[0], subject.x[0], equal_nan=True)
    changed = tuple(cell for cell, features in cells if not bool(same[features].all()))
    return Counterfactual(name, row, before, after, flips, far, changed)


def _redrawn(subject: Subject, features: list[int], label: int, target: list[int], y: Condition | None) -> Tensor:
    """Draw some features of the row anew, given its label and the others, (DRAWS, features)."""
    x = subject.x.repeat(DRAWS, 1)
    known = torch.ones_like(x, dtype=torch.bool)
    known[:, features] = False
    x[:, target] = float(label)
    noise = ItemNoise([derive_seed(0, "counterfactual", k) for k in range(DRAWS)])
    with subject.model.inference():
        out: Tensor = subject.model.complete(x, known, noise, y, False)
    return out


def _seen(subject: Subject, x: Tensor) -> Tensor:
    return _without_target(subject, inputs(subject.model, x))
