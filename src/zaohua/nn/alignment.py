"""Sequences laid along the time axis of items: the characters of a text along the frames of its spectrogram.

`Aligner` predicts for each token of a sequence a few states, each with a mean frame and a duration. Laid one after
another, these means are a rough item, which another network sees as channels (`overlay`) and refines. In training the
durations are those of the best monotonic alignment with the item, found by dynamic programming (Kim et al. 2020,
"Glow-TTS", arXiv 2005.11129; Popov et al. 2021, "Grad-TTS", arXiv 2105.06337); otherwise they are predicted.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.record import Condition, Record
from zaohua.core.spec import DataSpec, Feature
from zaohua.nn.embed import Embed
from zaohua.nn.layers import row_conv, scaled
from zaohua.nn.monotonic import best_path

TIME_AXES = ("time", "frame")
"""Names of the last axis of items that last for a time."""
MOST_CELLS = 512
"""Number of cells of a time axis that states are aligned with; a longer axis has several places in a cell."""
WIDTH, LAYERS, STATES = 128, 4, 2
"""Width and convolutions of the aligner, and the number of states of a token."""
SLACK = 0.15
"""Standard deviation of the prior of an alignment around an even one, as a fraction of the item's length."""
SHARPEST = 0.05
"""Least standard deviation of frames around their means."""
ENDS = ("start", "end")
"""Tokens put before and after each sequence, for what comes before its first word and after its last."""
ALONE = "sequence"
"""Name of the part of the record that a condition becomes which is only a sequence."""


def is_sequence(spec: DataSpec) -> bool:
    """Return whether items are tokens in an order, such as texts."""
    return spec.is_category and len(spec.axes) == 1 and spec.axes != ("member",) and spec.pad is not None


def lies_along(y_spec: DataSpec | None, x_spec: DataSpec) -> int | None:
    """Return which part of y is laid along the time axis of x: the first sequence.

    Returns:
        Its index, 0 if y isn't a record; None if y has no sequence, or x no time axis.
    """
    timed = x_spec.axes and x_spec.axes[-1] in TIME_AXES and x_spec.shape is not None and not x_spec.is_category
    if y_spec is None or not timed:
        return None
    parts = [part for _, part in y_spec.parts] or [y_spec]
    return next((i for i, part in enumerate(parts) if is_sequence(part)), None)


def laid_spec(y_spec: DataSpec, x_spec: DataSpec, index: int) -> DataSpec:
    """Return the description of y with its sequence laid along x: means like x, and where there is an item."""
    features = (Feature("mean", "real", x_spec.channels), Feature("presence", "real", 1))
    laid = DataSpec(x_spec.axes, x_spec.shape, features)
    parts = y_spec.parts or ((ALONE, y_spec),)
    return DataSpec(("part",), None, (), parts=(*parts[:index], (parts[index][0], laid), *parts[index + 1 :]))


class States(NamedTuple):
    """States of the tokens of a batch, in their order, padded at the end.

    Attributes:
        means: mean frame of each state, (B, N, D).
        durations: expected number of cells of each state, (B, N), positive; 0 for padding.
        counts: number of states of each item, int64 (B,); 0 for an item without tokens.
    """

    means: Tensor
    durations: Tensor
    counts: Tensor


class Aligner(nn.Module):
    """Network from sequences, and other conditions, to mean items along the time axis.

    Args:
        x_spec: description of the items.
        y_spec: description of the conditions.
        index: which part of them is the sequence, see `lies_along`.
        blank: value that pads shorter items at their end; None if all items are of the same length.
    """

    def __init__(self, x_spec: DataSpec, y_spec: DataSpec, index: int, blank: float | None) -> None:
        super().__init__()
        self.x_spec, self.y_spec, self.index, self.blank = x_spec, y_spec, index, blank
        self.name, sequence = y_spec.parts[index] if y_spec.is_record else (ALONE, y_spec)
        self.pad = -1 if sequence.pad is None else sequence.pad
        *channels, length = x_spec.tensor_shape
        self.stride = math.ceil(length / MOST_CELLS)
        self.cells = math.ceil(length / self.stride)
        size = math.prod(channels) * self.stride
        self.tokens = nn.Embedding(sequence.channels + len(ENDS), WIDTH)
        self.others = Embed(y_spec, WIDTH, leave_out=[index]) if y_spec.is_record else None
        self.convs = nn.ModuleList(row_conv(WIDTH, WIDTH, 5) for _ in range(LAYERS))
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(LAYERS))
        self.means = scaled(nn.Linear(WIDTH, STATES * size), gain=0.1)
        self.inner, self.durations = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, STATES)
        self.log_spread = nn.Parameter(torch.zeros(size))

    # ---- from conditions

    def sequence(self, y: Condition) -> Tensor | None:
        """Return the tokens of a batch, int (B, L); None if no item has any."""
        return y.parts.get(self.name) if isinstance(y, Record) else y

    def states(self, y: Condition, tokens: Tensor, keep: Tensor | None = None) -> States:
        """Compute the states of the tokens of a batch of conditions; `keep` says which see their other parts."""
        tokens, there = self.between_ends(tokens)
        mask = there.unsqueeze(-1)
        h = self.tokens(tokens.masked_fill(~there, 0))
        if self.others is not None:
            assert isinstance(y, Record)
            h = h + self.others(y, len(tokens), keep).summary.unsqueeze(1)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            near = conv((h * mask).mT.unsqueeze(2)).squeeze(2).mT
            h = h + F.gelu(norm(near))
        n, counts = len(tokens), STATES * there.sum(1)
        means = self.means(h).float().reshape(n, -1, len(self.log_spread))
        log_durations = self.durations(F.gelu(self.inner(h.detach()))).float()
        durations = F.softplus(log_durations + 1).reshape(n, -1) + 1e-3
        return States(means, durations * _below(counts, durations.shape[1]), counts)

    def between_ends(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens (B, L) between a start and an end, (B, L + 2), and which are there; empty rows stay empty."""
        there = tokens != self.pad
        counts, first = there.sum(1), self.tokens.num_embeddings - len(ENDS)
        order = (~there).long().argsort(dim=1, stable=True)  # padding may be on either side
        out = F.pad(tokens.gather(1, order), (1, 1), value=self.pad)
        out[:, 0] = first
        out.scatter_(1, (counts + 1).unsqueeze(1), first + 1)
        return out, _below(torch.where(counts > 0, counts + 2, 0), out.shape[1])

    def lay(self, y: Condition, x: Tensor | None = None, keep: Tensor | None = None) -> Record:
        """Lay the sequences of conditions along the time axis.

        Args:
            y: a batch of conditions.
            x: their items (B, *shape), with which they are aligned; None to predict their durations.
            keep: mask of the items whose means depend on the other parts of their record, bool (B,), or on which of
                its parts, (B, parts); None for all. Durations depend on all parts, so that guidance compares means of
                the same moment.

        Returns:
            The same conditions as records, as `laid_spec` describes them.
        """
        tokens, old = self.sequence(y), y if isinstance(y, Record) else Record({}, {})
        present = torch.zeros(len(y), dtype=torch.bool, device=y.device)
        if tokens is None or not tokens.numel():
            parts = {name: part for name, part in old.parts.items() if name != self.name}
            return Record(parts, {**old.present, self.name: present})
        states = self.states(y, tokens)
        path = self.planned(states) if x is None else self.aligned(states, self.frames(x), self.lengths(x))
        if keep is not None and self.others is not None:
            states = self.states(y, tokens, keep)
        present = old.present.get(self.name, ~present) & (states.counts > 0)
        return Record({**old.parts, self.name: self.laid(states, path)}, {**old.present, self.name: present})

    def laid(self, states: States, path: Tensor) -> Tensor:
        """Lay means along the time axis.

        Args:
            states: the states.
            path: the state of each cell, int64 (B, cells); -1 after an item's end.

        Returns:
            Means, and 1 where there is an item and -1 elsewhere, as channels (B, C + 1, *sides, length).
        """
        rows = path.clamp(min=0).unsqueeze(-1).expand(-1, -1, states.means.shape[2])
        there = (path >= 0).unsqueeze(-1)
        means = torch.where(there, states.means.gather(1, rows), self.blank or 0.0)
        x = self.items(means)
        there = there.repeat_interleave(self.stride, 1)[:, : x.shape[-1], 0]
        presence = (2.0 * there - 1).view(len(x), 1, *[1] * (x.ndim - 3), -1).expand_as(x[:, :1])
        return torch.cat([x, presence], dim=1)

    def ends(self, y: Record) -> Tensor | None:
        """Return the number of places before the end of each item, (B,), of conditions that are laid; None without."""
        laid = y.parts.get(self.name)
        if laid is None or self.blank is None:
            return None
        there = (laid[:, -1] > 0).flatten(1, -2)[:, 0] if laid.ndim > 3 else laid[:, -1] > 0
        return torch.where(y.present[self.name], there.sum(1), there.shape[1])

    def squeezed(self, y: Condition) -> int:
        """Count the sequences that are predicted to take longer than an item can be."""
        tokens = self.sequence(y)
        if tokens is None or not tokens.numel() or self.blank is None:
            return 0
        return int((self.states(y, tokens).durations.sum(1) > self.cells + 0.5).sum())

    # ---- alignments

    def frames(self, x: Tensor) -> Tensor:
        """Return items (B, C, *sides, length) as cells (B, cells, D)."""
        flat = x.flatten(1, -2)
        flat = F.pad(flat, (0, self.cells * self.stride - flat.shape[-1]), value=self.blank or 0.0)
        cells: Tensor = flat.unflatten(-1, (self.cells, self.stride)).permute(0, 2, 1, 3).flatten(2)
        return cells

    def items(self, frames: Tensor) -> Tensor:
        """Return cells (B, cells, D) as items; the inverse of `frames`."""
        shape = self.x_spec.tensor_shape
        flat: Tensor = frames.unflatten(2, (-1, self.stride)).permute(0, 2, 1, 3).flatten(2)
        return flat[..., : shape[-1]].reshape(len(frames), *shape)

    def lengths(self, x: Tensor) -> Tensor:
        """Return the number of cells of each item without the padding at its end, int64 (B,), at least 1."""
        if self.blank is None:
            return torch.full((len(x),), self.cells, device=x.device)
        used = (self.frames(x) != self.blank).any(2)
        return (used * torch.arange(1, self.cells + 1, device=x.device)).amax(1).clamp(min=1)

    def planned(self, states: States) -> Tensor:
        """Return the path (B, cells) of predicted durations; one that is too long is made faster."""
        total = states.durations.sum(1, keepdim=True)
        ends = states.durations.double().cumsum(1)
        if self.blank is None:
            ends = ends * (self.cells / total)
        else:
            ends = ends * (self.cells / total).clamp(max=1)
        ends = ends.round().clamp(max=self.cells)
        ends[:, -1].clamp_(min=1)
        at = torch.arange(self.cells, device=ends.device, dtype=ends.dtype).expand(len(ends), -1).contiguous()
        path = torch.searchsorted(ends.contiguous(), at, right=True)
        return torch.where(path < states.counts.unsqueeze(1), path, -1)

    def aligned(self, states: States, frames: Tensor, lengths: Tensor) -> Tensor:
        """Return the best path (B, cells) of states along cells (B, cells, D), of which `lengths` (B,) are used."""
        with torch.no_grad():
            precision = torch.exp(-2 * self._log_spread())
            means, x = states.means, frames.float()
            cross = means @ (x * precision).mT
            squares = (means.square() @ precision).unsqueeze(2) + (x.square() @ precision).unsqueeze(1)
            count, length = states.counts.clamp(min=1).view(-1, 1, 1), lengths.view(-1, 1, 1)
            state_at = (torch.arange(means.shape[1], device=x.device).view(1, -1, 1) + 0.5) / count
            cell_at = (torch.arange(self.cells, device=x.device).view(1, 1, -1) + 0.5) / length
            score = cross - 0.5 * squares - 0.5 * ((state_at - cell_at) / SLACK).square()
            arrays = (value.cpu().numpy() for value in (score, states.counts, lengths))
            return torch.from_numpy(best_path(*arrays)).to(x.device)

    def _log_spread(self) -> Tensor:
        return self.log_spread.clamp(min=math.log(SHARPEST))

    def loss(self, x: Tensor, y: Condition, keep: Tensor | None = None) -> Tensor:
        """Return the loss of each item, (B,): of its frames given the means, and of durations; 0 without a sequence.

        Frames have the negative log-density of a Gaussian, mean over their numbers; durations that of a Poisson
        variable, whose mean it makes the right one, mean over the states.

        Args:
            x: items.
            y: their conditions.
            keep: which items see the other parts of their record, as in `lay`.
        """
        tokens = self.sequence(y)
        if tokens is None or not tokens.numel():
            return sum(p.sum() for p in self.parameters()) * torch.zeros(len(x), device=x.device)
        states, frames, lengths = self.states(y, tokens, keep), self.frames(x).float(), self.lengths(x)
        path = self.aligned(states, frames, lengths)
        there = (path >= 0).float()
        rows = path.clamp(min=0)
        means = states.means.gather(1, rows.unsqueeze(-1).expand(-1, -1, frames.shape[2]))
        spread = self._log_spread()
        away = 0.5 * ((frames - means) * torch.exp(-spread)).square() + spread
        fit = (away.mean(2) * there).sum(1) / there.sum(1).clamp(min=1)
        durations = torch.zeros_like(states.durations).scatter_add(1, rows, there)
        paces = states.durations - durations * torch.log(states.durations.clamp(min=1e-3))
        return fit + paces.sum(1) / states.counts.clamp(min=1)


def _below(counts: Tensor, size: int) -> Tensor:
    return torch.arange(size, device=counts.device) < counts.unsqueeze(1)
