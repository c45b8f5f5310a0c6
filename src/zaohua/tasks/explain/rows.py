"""Cells of a row: which features each has, and rows of which some cells are left out of account."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import NotAvailable
from zaohua.core.noise import ItemNoise
from zaohua.core.record import Condition
from zaohua.families.autoregressive.rows import RowAutoregression
from zaohua.tasks.explain.subject import Subject, label_names

FEW = 20
"""Most categories of a column that is explained."""


def cells_of(subject: Subject) -> list[tuple[str, list[int]]]:
    """Return the name of each cell of a row and the indices of its features."""
    codec, encoded = subject.model.codec_, subject.encoded
    codes = encoded.codes[np.arange(1)]
    found = []
    for index, column in enumerate(codec.columns_):
        known = torch.zeros(1, codes.shape[1], dtype=torch.bool)
        known[:, index] = True
        everything = codec.known_features(codes, torch.ones_like(known))[0]
        without = codec.known_features(codes, ~known)[0]
        features = torch.nonzero(everything & ~without)[:, 0].tolist()
        if features:
            found.append((str(column.name), features))
    return found


def hidden(subject: Subject, x: Tensor, features: Sequence[int]) -> Tensor:
    """Return rows of which some features are left out of account."""
    out = x.clone()
    for index in features:
        out[:, index] = torch.nan if subject.model.spec_.features[index].kind == "real" else -1
    return out


def conditional(subject: Subject, x: Tensor, y: Condition | None, features: Sequence[int]) -> Tensor:
    """Return log p of some features given all others, nats (n,)."""
    model = subject.model
    if isinstance(model, RowAutoregression):
        found: Tensor = model.log_conditional(x, y, features)
        return found
    both = torch.cat([x, hidden(subject, x, features)])
    of_all, of_others = log_prob(subject, both, y).reshape(2, len(x))
    return torch.from_numpy(of_all - of_others)


def log_prob(subject: Subject, x: Tensor, y: Condition | None) -> np.ndarray:
    """Return log p(x | y) of rows, with one condition for all, nats (n,)."""
    model = subject.model
    found: np.ndarray = model.log_prob_fn(y)(x).double().cpu().numpy()
    return found


def target_of(subject: Subject) -> tuple[str, list[int], int]:
    """Return the column that is explained: the last one with few categories, its features, and its categories.

    Raises:
        NotAvailable: there is none.
    """
    spec = subject.model.spec_
    for name, features in reversed(cells_of(subject)):
        about = spec.features[features[0]]
        if len(features) == 1 and about.kind == "category" and 2 <= about.size <= FEW:
            return name, features, about.size
    raise NotAvailable("the table has no column of 2 to 20 categories")


def class_probabilities(subject: Subject, x: Tensor) -> Tensor:
    """Return log probabilities of the label, or of the target column, of rows, float64 (n, classes)."""
    model = subject.model
    if model.y_codec_ is not None:
        names = label_names(model)
        y = model.prepare_conditions(torch.arange(len(names)), ItemNoise([0] * len(names)))
        assert isinstance(y, Tensor)
        joint = [model.log_prob_fn(y[k : k + 1])(x) for k in range(len(names))]
        prior = torch.from_numpy(np.asarray(model.y_codec_.log_prior()))
        return (torch.stack(joint, 1) + prior).log_softmax(1)
    _, (feature,), size = target_of(subject)
    log_prob, joint = model.log_prob_fn(), []
    for k in range(size):
        changed = x.clone()
        changed[:, feature] = k
        joint.append(log_prob(changed))
    return torch.stack(joint, 1).log_softmax(1)


def cell_text(subject: Subject, name: str) -> str:
    """Return a cell of the item as text."""
    item = subject.item
    if hasattr(item, "columns"):
        return str(item[name].iloc[0] if name in item.columns else "")
    names = [str(column.name) for column in subject.model.codec_.columns_]
    return f"{np.asarray(item)[0][names.index(name)]}"
