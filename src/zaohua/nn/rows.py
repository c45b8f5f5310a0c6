"""Rows of tables as networks take them: categories one-hot, one behind the other, then the numbers.

A row's tensor is float64 (B, features): a code for each category, NaN for a number that isn't there. *Wide* rows are
float32 (B, width), with 0 for such a number and zeros for a category that training never saw.
"""

from __future__ import annotations

import torch
from torch import Tensor

from zaohua.core.spec import DataSpec


class RowLayout:
    """Where the features of a row stand in a wide one.

    Attributes:
        categories: (feature, first column, columns) of each category feature.
        reals: features that are numbers; their columns stand behind those of the categories, in this order.
        one_hots: columns of the categories.
        width: all columns.
    """

    def __init__(self, spec: DataSpec) -> None:
        self.spec, self.one_hots = spec, 0
        self.categories: list[tuple[int, int, int]] = []
        self.reals: list[int] = []
        for place, feature in enumerate(spec.features):
            if feature.kind == "real":
                self.reals.append(place)
            else:
                self.categories.append((place, self.one_hots, feature.size))
                self.one_hots += feature.size
        self.width = self.one_hots + len(self.reals)

    def one_hot(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Rows (B, features) -> float32 (B, one_hots), zeros where a feature isn't known or its code is new.

        Args:
            x: the rows.
            known: bool (B, features); None for all.
        """
        out = x.new_zeros(len(x), self.one_hots + 1, dtype=torch.float32)  # what has no column goes to the last
        if self.categories:
            features, first, size = (torch.tensor(part, device=x.device) for part in zip(*self.categories, strict=True))
            code = x[:, features].nan_to_num(-1.0).long()
            there = (code >= 0) & (code < size)
            there = there if known is None else there & known[:, features]
            out.scatter_(1, torch.where(there, code + first, self.one_hots), 1.0)
        return out[:, :-1]

    def there(self, x: Tensor) -> Tensor:
        """Which numbers rows (B, features) have, bool (B, reals)."""
        return ~x[:, self.reals].isnan()

    def numbers(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Rows (B, features) -> float32 (B, reals), 0 where a number isn't there or isn't known."""
        there = x[:, self.reals].nan_to_num(0.0)
        return (there if known is None else there * known[:, self.reals]).float()

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

    def same_head(self, one_hot: Tensor) -> Tensor:
        """Sums of (B, one_hots) over each feature, at all of its columns, (B, one_hots)."""
        sizes = [size for _, _, size in self.categories]
        return torch.cat([part.sum(1, keepdim=True).expand_as(part) for part in one_hot.split(sizes, dim=1)], dim=1)

    def chance_of_numbers(self, chances: Tensor) -> Tensor:
        """Chances (B, one_hots) -> that of each number to be there, (B, reals)."""
        out = chances.new_ones(len(chances), len(self.reals))
        first = {feature: column for feature, column, _ in self.categories}
        for i, place in enumerate(self.reals):
            given = self.spec.features[place].given
            if given is not None:
                out[:, i] = chances[:, first[given[0]] : first[given[0]] + given[1]].sum(1)
        return out

    def rows(self, wide: Tensor) -> Tensor:
        """Wide rows, or chances or logits in their place -> float64 (B, features): of each category the most likely
        one, and numbers where the categories say that there are any."""
        out = wide.new_full((len(wide), len(self.spec.features)), torch.nan, dtype=torch.float64)
        for place, first, size in self.categories:
            out[:, place] = wide[:, first : first + size].argmax(1)
        out[:, self.reals] = wide[:, self.one_hots :].double()
        return self.masked(out)

    def masked(self, x: Tensor) -> Tensor:
        """Rows (B, features) with NaN for numbers of which a category says that there are none."""
        out = x.clone()
        for place in self.reals:
            given = self.spec.features[place].given
            if given is not None:
                out[:, place].masked_fill_(x[:, given[0]] >= given[1], torch.nan)
        return out
