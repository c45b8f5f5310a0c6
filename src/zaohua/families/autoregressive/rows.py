"""Autoregressive models of table rows, feature by feature, in any order.

    log p(x) = sum_i log p(x_i | x_0 ... x_i-1)

One network learns all conditional distributions (Uria et al. 2014, arXiv:1310.1757): a random subset of the features of
each training row is shown, and the others are predicted. Half of the subsets are prefixes in the order of the columns,
in which rows are scored and drawn, after any given columns. Numbers are discretised into bins (`nn.bins`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.json import Json
from zaohua.core.noise import Noise, categorical
from zaohua.core.params import Between
from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.modalities.tables.codec import TableCodec
from zaohua.nn import bins
from zaohua.nn.row_mlp import RowMLP
from zaohua.training.events import Batch
from zaohua.training.trainable import Trainable


class RowNet(nn.Module):
    """Network that predicts the code of every feature, given the known ones.

    Args:
        spec: description of the rows.
        y_spec: description of the condition.
        most: maximum number of bins of a number.
        hidden, blocks, dropout: settings of `RowMLP`.
    """

    def __init__(
        self, spec: DataSpec, y_spec: DataSpec | None, most: int, *, hidden: int, blocks: int, dropout: float
    ) -> None:
        super().__init__()
        self.bins = bins.Bins(spec, most)
        self.starts = [0]
        for size in self.bins.sizes:
            self.starts.append(self.starts[-1] + size)
        self.mlp = RowMLP(
            self.bins.sizes,
            len(self.bins.reals),
            self.starts[-1],
            y_spec,
            hidden=hidden,
            blocks=blocks,
            dropout=dropout,
        )

    def forward(self, codes: Tensor, y: Condition | None) -> list[Tensor]:
        """Predict the logits of each feature (B, size) from codes (B, features), -1 where hidden."""
        return list(self.mlp(codes, self.bins.numbers(codes), y=y).split(self.bins.sizes, dim=1))

    def log_probabilities(self, feature: int, codes: Tensor, y: Condition | None) -> Tensor:
        """Return log probabilities of one feature's codes, float64 (B, size)."""
        features = self.mlp.features(codes, self.bins.numbers(codes), y=y)
        logits = self.mlp.some(features, slice(self.starts[feature], self.starts[feature + 1]))
        return logits.double().log_softmax(1)


class RowAutoregression(Trainable[TableCodec]):
    """Base of autoregressive models of rows: trained in random orders, evaluated in the order of the columns."""

    score_chunk: ClassVar[int] = 4096
    tiny: ClassVar[Json] = {"hidden": 32, "blocks": 1, "bins": 16, "max_steps": 20, "batch_size": 32}

    hidden: Annotated[int, Between(2)] = 256
    """Width of the network, an even number."""
    blocks: Annotated[int, Between(1)] = 3
    """Residual blocks."""
    dropout: Annotated[float, Between(0, 0.9)] = 0.25
    """Dropout in the residual blocks."""
    bins: Annotated[int, Between(2, 1000)] = 128
    """Maximum number of bins of a numeric column; integers with fewer values have a bin for each."""
    in_order: Annotated[float, Between(0, 1)] = 0.5
    """Fraction of training rows whose shown features are a prefix in the order of the columns, instead of random."""
    batch_size = 512
    validation_fraction = 0.05
    validate_every = 100
    patience = 20

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Build one network for all orders."""
        return nn.ModuleDict(
            {"net": RowNet(spec, y_spec, self.bins, hidden=self.hidden, blocks=self.blocks, dropout=self.dropout)}
        )

    @property
    def net(self) -> RowNet:
        """Averaged network."""
        return cast(RowNet, self.nets_["net"])

    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """Return the mean of -log p over hidden features, times the number of features, nats (B,)."""
        net = cast(RowNet, nets["net"])
        codes = net.bins.codes(batch.x)
        known = self._shown(batch.noise)
        logits = net(codes.masked_fill(~known, -1), batch.y)
        wanted = self._wanted(codes, known)
        terms = torch.stack(
            [
                F.cross_entropy(part.float(), codes[:, feature].clamp(min=0), reduction="none")
                for feature, part in enumerate(logits)
            ],
            dim=1,
        )
        return (terms * wanted).sum(1) * len(logits) / wanted.sum(1).clamp(min=1)

    def _shown(self, noise: Noise) -> Tensor:
        """Draw which features are shown, bool (B, features); a number is shown only if its state is."""
        features = self.spec_.features
        u = noise.uniform(len(features) + 2)
        known = u[:, : len(features)] < u[:, -1:]
        first = torch.arange(len(features), device=u.device) < (u[:, -1:] * len(features)).floor()
        known = torch.where(u[:, -2:-1] < self.in_order, first, known)
        for index, feature in enumerate(features):
            if feature.given is not None:
                known[:, index] &= known[:, feature.given[0]]
        return known

    def _wanted(self, codes: Tensor, known: Tensor) -> Tensor:
        """Return which features are predicted, bool (B, features): a number only if its state is shown."""
        wanted = ~known & (codes >= 0)
        for index, feature in enumerate(self.spec_.features):
            if feature.given is not None:
                wanted[:, index] &= known[:, feature.given[0]]
        return wanted

    # ---- primitives

    def log_prob(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        """Return the exact log probability of rows x (B, features) in the order of the columns, nats (B,).

        Features that a row doesn't say (-1 or NaN) come last, where they sum to one.
        """
        return self.log_conditional(x, y, range(len(self.spec_.features)))

    def log_conditional(self, x: Tensor, y: Condition | None, features: Sequence[int]) -> Tensor:
        """Return log p of some features given all others, one after the other, nats (B,)."""
        net, cells = self.net, self._cells(x)
        codes = net.bins.codes(bins.middles(x, cells))
        seen, total = codes.clone(), torch.zeros(len(x), dtype=torch.float64, device=x.device)
        seen[:, list(features)] = -1
        for feature in features:
            code, log_p = codes[:, feature], net.log_probabilities(feature, seen, y)
            at = code.clamp(min=0)
            if feature in net.bins.reals:
                log_p = net.bins.log_density(feature, log_p, at, x[:, feature], _column(cells, feature))
            else:
                log_p = log_p.gather(1, at[:, None])[:, 0]
            total += torch.where(code >= 0, log_p, 0.0)
            seen[:, feature] = code
        return total

    def _cells(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the codec's cells of rows on the device of x, each (B, features)."""
        low, high, slope = (part.to(x.device) for part in self.codec_.cells(x))
        return low, high, slope

    def _there(self, x: Tensor, feature: int) -> Tensor:
        """Return whether rows (B, features) have a value at a feature, according to its state, bool (B,)."""
        given = self.spec_.features[feature].given
        return torch.ones(len(x), dtype=torch.bool, device=x.device) if given is None else x[:, given[0]] < given[1]

    def draw(self, noise: Noise, y: Condition | None) -> Tensor:
        """Draw rows, feature by feature."""
        x = torch.zeros(noise.n, len(self.spec_.features), dtype=torch.float64)
        return self.complete(x, torch.zeros_like(x, dtype=torch.bool), noise, y, False)

    def complete(self, x: Tensor, known: Tensor, noise: Noise, y: Condition | None, no_missing: bool) -> Tensor:
        """Draw the unknown features of rows x (B, features) given the known ones; with `no_missing` all get a value."""
        net, known = self.net, known.to(self.device_)
        x, u = x.to(known.device).masked_fill(~known, 0.0), noise.uniform(2, len(self.spec_.features))
        out = x.masked_fill(~known, torch.nan)
        codes = net.bins.codes(bins.middles(x, self._cells(x))).masked_fill(~known, -1)
        for feature, about in enumerate(self.spec_.features):
            rows = torch.nonzero(~known[:, feature] & self._there(out, feature))[:, 0]
            if not len(rows):
                continue
            probabilities = net.log_probabilities(feature, codes[rows], None if y is None else y[rows]).exp()
            if no_missing and about.missing is not None and about.size > 1:
                probabilities[:, about.missing] = 0
            code = categorical(probabilities, u[rows, 0, feature])
            codes[rows, feature] = code
            out[rows, feature] = (
                net.bins.value_in_bin(feature, code, u[rows, 1, feature]) if about.kind == "real" else code.double()
            )
        return out


def _column(cells: tuple[Tensor, Tensor, Tensor], feature: int) -> tuple[Tensor, Tensor, Tensor]:
    """Select one feature of the codec's cells."""
    low, high, slope = cells
    return low[:, feature], high[:, feature], slope[:, feature]
