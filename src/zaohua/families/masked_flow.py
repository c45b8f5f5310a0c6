"""Rows of mixed types: a Gaussian flow of the numbers together with masked diffusion of the categories.

    numbers      z_t = cos(a) z + sin(a) e,  a = t pi / 2        the network predicts  v = cos(a) e - sin(a) z
    categories   masked at time t with probability t             the network predicts  p(code | unmasked)

Numbers are normally distributed (see the codec) at any time, so v is 0 unless columns depend on each other. Sampling
unmasks categories one by one, at equal intervals and in random order; with more categories than steps, several are
drawn independently in one step. A missing number is noise. Integers with few values are categories.

Sources: Shi et al., "TabDiff", 2024 (arXiv:2410.20626); Sahoo et al., "Simple and Effective Masked Diffusion Language
Models", 2024 (arXiv:2406.07524); Salimans and Ho, 2022 (arXiv:2202.00512) for v.
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.json import Json
from zaohua.core.noise import Noise, categorical
from zaohua.core.params import Between, Sampling
from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.families.guidance import Guided
from zaohua.modalities.tables.codec import TableCodec
from zaohua.nn.bins import Bins
from zaohua.nn.row_mlp import RowMLP
from zaohua.training.events import Batch


class MixedNet(nn.Module):
    """Network that predicts velocities of numbers and logits of codes, given noisy numbers and some of the codes.

    Args:
        spec: description of the rows.
        y_spec: description of the condition.
        max_integers: number of distinct integers up to which a column is codes.
        hidden, blocks, dropout: settings of `RowMLP`.
    """

    def __init__(
        self, spec: DataSpec, y_spec: DataSpec | None, max_integers: int, *, hidden: int, blocks: int, dropout: float
    ) -> None:
        super().__init__()
        self.bins = Bins(spec, max_integers)
        self.reals = [
            index
            for index in self.bins.reals
            if (edges := spec.features[index].edges) is None or len(edges) - 1 > max_integers
        ]
        self.coded = [index for index in range(len(spec.features)) if index not in self.reals]
        self.sizes = [self.bins.sizes[index] for index in self.coded]
        states = {index: feature.given for index, feature in enumerate(spec.features) if feature.given is not None}
        self.after = [
            (turn, self.coded.index(states[index][0]), states[index][1])
            for turn, index in enumerate(self.coded)
            if index in states
        ]
        self.mlp = RowMLP(
            self.sizes,
            len(self.reals) + len(self.bins.reals),
            len(self.reals) + sum(self.sizes),
            y_spec,
            time=True,
            hidden=hidden,
            blocks=blocks,
            dropout=dropout,
        )

    def ordered(self, times: Tensor) -> Tensor:
        """Adjust unmasking times (B, coded) so that no number is unmasked before (above) its state."""
        for number, state, _ in self.after:
            times[:, number] = torch.minimum(times[:, number], times[:, state])
        return times

    def forward(
        self, codes: Tensor, z: Tensor, t: Tensor, y: Condition | None, keep: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Predict velocities and the logits of each code."""
        all_codes = codes.new_full((len(codes), len(self.bins.sizes)), -1)
        all_codes[:, self.coded] = codes
        out = self.mlp(codes, torch.cat([z, self.bins.numbers(all_codes)], dim=1), 1000 * t, y, keep).float()
        return out[:, : len(self.reals)], out[:, len(self.reals) :].split(self.sizes, dim=1)


class MaskedFlow(Guided[TableCodec]):
    """Base of models of rows that denoise numbers and unmask categories."""

    phases: ClassVar[dict[str, tuple[str, ...]]] = {"denoiser": ("net",)}
    tiny: ClassVar[Json] = {"hidden": 32, "blocks": 1, "max_steps": 20, "batch_size": 32, "steps": 4}

    hidden: Annotated[int, Between(2)] = 256
    """Width of the network, an even number."""
    blocks: Annotated[int, Between(1)] = 3
    """Residual blocks."""
    dropout: Annotated[float, Between(0, 0.9)] = 0.0
    """Dropout in the residual blocks."""
    max_integer_categories: Annotated[int, Between(1, 1000)] = 128
    """Number of distinct integers up to which a column is treated as categories."""
    steps: Annotated[int, Between(1, 100_000), Sampling] = 50
    """Steps of the sampler."""
    min_time: Annotated[float, Between(above=0)] = 0.02
    """Time below which masked codes have constant weight; above it the weight is 1 / t."""
    guidance = 1.0
    batch_size = 512
    validation_fraction = 0.05
    validate_every = 100
    patience = 20
    default_steps = 6000

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Build one network for numbers and categories."""
        return nn.ModuleDict(
            {
                "net": MixedNet(
                    spec,
                    y_spec,
                    self.max_integer_categories,
                    hidden=self.hidden,
                    blocks=self.blocks,
                    dropout=self.dropout,
                )
            }
        )

    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """Return the sum of |v - (cos e - sin z)|^2 over numbers, and of -log p / t over masked codes, (B,)."""
        net = cast(MixedNet, nets["net"])
        codes = net.bins.codes(batch.x)[:, net.coded]
        t, count = batch.noise.uniform(), len(net.reals)
        noise = batch.noise.normal(2 * count)
        z, e = batch.x[:, net.reals].float(), noise[:, :count]
        z = torch.where(z.isnan(), noise[:, count:], z)
        cos, sin = torch.cos(t * math.pi / 2)[:, None], torch.sin(t * math.pi / 2)[:, None]
        hidden = net.ordered(batch.noise.uniform(len(net.coded))) < t[:, None]
        v, logits = net(codes.masked_fill(hidden, -1), cos * z + sin * e, t, batch.y, self.condition_mask(batch))
        wanted = hidden & (codes >= 0)
        terms = [
            F.cross_entropy(part, codes[:, feature].clamp(min=0), reduction="none") * wanted[:, feature]
            for feature, part in enumerate(logits)
        ]
        loss: Tensor = (v - (cos * e - sin * z)).square().sum(1) + sum(terms) / t.clamp(min=self.min_time)
        return loss

    # ---- primitives

    def draw(self, noise: Noise, y: Condition | None) -> Tensor:
        """Draw rows: from noise and masked codes at t = 1, denoising numbers and unmasking codes in each step."""
        net, features = cast(MixedNet, self.nets_["net"]), self.spec_.features
        u, z = noise.uniform(4, len(net.coded)), noise.normal(len(net.reals))
        known_at = net.ordered((u[:, 3].argsort(1).argsort(1) + u[:, 0]) / max(1, len(net.coded)))
        states = {number: (state, ranges) for number, state, ranges in net.after}
        codes = torch.full((noise.n, len(net.coded)), -1, device=z.device)
        times = torch.linspace(1, 0, self.steps + 1, dtype=torch.float64)
        for step in range(self.steps):
            t, s = float(times[step]), float(times[step + 1])
            v, logits = self._guided(net, codes, z, t, y)
            turn = (t - s) * math.pi / 2
            z = math.cos(turn) * z - math.sin(turn) * v
            due = (known_at >= s) & (known_at < t)
            for feature in torch.nonzero(due.any(0))[:, 0].tolist():
                rows = torch.nonzero(due[:, feature])[:, 0]
                if feature in states:  # known by now, as states stand before their numbers
                    rows = rows[codes[rows, states[feature][0]] < states[feature][1]]
                codes[rows, feature] = categorical(logits[feature][rows].double().softmax(1), u[rows, 1, feature])
        out = torch.full((noise.n, len(features)), torch.nan, dtype=torch.float64)
        out[:, net.reals] = z.double().cpu()
        for index, feature in enumerate(net.coded):
            code = codes[:, index]
            number = features[feature].kind == "real"
            out[:, feature] = (
                net.bins.value_in_bin(feature, code.clamp(min=0), u[:, 2, index]) if number else code.double()
            )
        for index in net.bins.reals:
            given = features[index].given
            if given is not None:
                out[out[:, given[0]] >= given[1], index] = torch.nan
        return out

    def _guided(
        self, net: MixedNet, codes: Tensor, z: Tensor, t: float, y: Condition | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Predict velocities and logits at time t with guidance: null + guidance (conditional - null)."""
        n = len(z)
        guide = None if y is None else self.guide
        if y is None or guide is None:
            out: tuple[Tensor, tuple[Tensor, ...]] = net(codes, z, torch.full((n,), t, device=z.device), y, None)
            return out
        times, keep = torch.full((guide.times * n,), t, device=z.device), guide.keep(n, z.device)
        several = codes.repeat(guide.times, 1), z.repeat(guide.times, 1)
        v, logits = net(*several, times, guide.conditions(y), keep)
        guided = [guide.combine(predictions) for predictions in (v, *logits)]
        return guided[0], tuple(guided[1:])
