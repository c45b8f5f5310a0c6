"""Conversion of table rows to network inputs: concatenated one-hot categories, followed by the numbers.

A batch of rows is float64 (B, features): an index for each category, and NaN for a missing number. *Wide* rows are
float32 (B, width), with 0 for a missing number and zeros for a category that didn't occur in training.
"""

from __future__ import annotations

import torch
from torch import Tensor

from zaohua.core.spec import DataSpec


class RowLayout:
    """Layout of the features of a row in a wide row.

    Attributes:
        categories: (feature, first column, number of columns) of each categorical feature.
        reals: indices of the numeric features; their columns follow those of the categories, in this order.
        one_hots: number of columns of the categories.
        width: total number of columns.
    """

    def __init__(self, spec: DataSpec) -> None:
        self.spec, self.one_hots = spec, 0
        self.categories: list[tuple[int, int, int]] = []
        self.reals: list[int] = []
        for index, feature in enumerate(spec.features):
            if feature.kind == "real":
                self.reals.append(index)
            else:
                self.categories.append((index, self.one_hots, feature.size))
                self.one_hots += feature.size
        self.width = self.one_hots + len(self.reals)

    def one_hot(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Encode the categories of rows (B, features), float32 (B, one_hots); zeros for masked or unknown categories.

        Args:
            x: the rows.
            known: bool (B, features), False for masked features; None if all are known.
        """
        out = x.new_zeros(
            x.shape[0], self.one_hots + 1, dtype=torch.float32
        )  # values without a column go to the last one
        if self.categories:
            features, first, size = (torch.tensor(part, device=x.device) for part in zip(*self.categories, strict=True))
            code = x[:, features].nan_to_num(-1.0).long()
            valid = (code >= 0) & (code < size)
            valid = valid if known is None else valid & known[:, features]
            out.scatter_(1, torch.where(valid, code + first, self.one_hots), 1.0)
        return out[:, :-1]

    def observed(self, x: Tensor) -> Tensor:
        """Which numbers rows (B, features) have, bool (B, reals)."""
        return ~x[:, self.reals].isnan()

    def numbers(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Rows (B, features) -> float32 (B, reals), 0 where a number isn't there or isn't known."""
        values = x[:, self.reals].nan_to_num(0.0)
        return (values if known is None else values * known[:, self.reals]).float()

    def wide(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Rows (B, features) -> wide rows (B, width)."""
        return torch.cat([self.one_hot(x, known), self.numbers(x, known)], dim=1)

    def log_softmax(self, logits: Tensor) -> Tensor:
        """Logits (B, one_hots) -> logs of chances that sum to one in each feature."""
        parts = logits.split([size for _, _, size in self.categories], dim=1) if self.categories else (logits,)
        return torch.cat([part.log_softmax(1) for part in parts], dim=1)

    def softmax(self, logits: Tensor) -> Tensor:
        """Logits (B, one_hots) -> chances that sum to one in each feature."""
        parts = logits.split([size for _, _, size in self.categories], dim=1) if self.categories else (logits,)
        return torch.cat([part.softmax(1) for part in parts], dim=1)

    def sum_per_feature(self, one_hot: Tensor) -> Tensor:
        """Sums of (B, one_hots) over each feature, at all of its columns, (B, one_hots)."""
        sizes = [size for _, _, size in self.categories]
        return torch.cat([part.sum(1, keepdim=True).expand_as(part) for part in one_hot.split(sizes, dim=1)], dim=1)

    def observed_probability(self, probabilities: Tensor) -> Tensor:
        """Compute the probability (B, reals) that each number isn't missing, from probabilities (B, one_hots)."""
        out = probabilities.new_ones(len(probabilities), len(self.reals))
        first = {feature: column for feature, column, _ in self.categories}
        for i, index in enumerate(self.reals):
            given = self.spec.features[index].given
            if given is not None:
                out[:, i] = probabilities[:, first[given[0]] : first[given[0]] + given[1]].sum(1)
        return out

    def rows(self, wide: Tensor) -> Tensor:
        """Convert wide rows, or probabilities or logits of that shape, to rows, float64 (B, features).

        Categories become the most likely ones; numbers are missing where a category says so.
        """
        out = wide.new_full((len(wide), len(self.spec.features)), torch.nan, dtype=torch.float64)
        for index, first, size in self.categories:
            out[:, index] = wide[:, first : first + size].argmax(1)
        out[:, self.reals] = wide[:, self.one_hots :].double()
        return self.masked(out)

    def masked(self, x: Tensor) -> Tensor:
        """Return rows (B, features) with NaN for numbers that a category marks as missing."""
        out = x.clone()
        for index in self.reals:
            given = self.spec.features[index].given
            if given is not None:
                out[:, index].masked_fill_(x[:, given[0]] >= given[1], torch.nan)
        return out
