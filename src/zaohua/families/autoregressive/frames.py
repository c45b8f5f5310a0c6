"""Autoregressive models of frames: log p(x) = sum_t sum_i log p(x_ti | x_t,<i, x_<t), plus the probability of the end.

A frame is the set of keys that sound at a time step, or one key for each voice. After each frame the piece ends with
some probability, so a piece of any length has a probability. Scores are exact.

Given cells of a piece of known length are completed by sequential Monte Carlo (see `particles`), in the order of time
and cells. So is a given melody, the first cell of each frame.

Source: Boulanger-Lewandowski et al., "Modeling Temporal Dependencies in High-Dimensional Sequences", 2012.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Annotated, ClassVar, Literal, Protocol, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import Noise
from zaohua.core.params import Between, Sampling
from zaohua.core.record import Condition
from zaohua.core.spec import END_FRAME, PAD_FRAME, DataSpec
from zaohua.estimator.encoding import TrainingData
from zaohua.estimator.methods import ScoreKind
from zaohua.families.autoregressive.decoding import State
from zaohua.families.autoregressive.particles import Particles
from zaohua.families.autoregressive.token_sampler import TokenSampler
from zaohua.modalities.music.rolls import RollCodec
from zaohua.modalities.sequences import Sequences
from zaohua.training.events import Batch
from zaohua.training.trainable import Trainable


class FrameDecoder(Protocol):
    """Network that reads frames one by one; states are indexed by `select`."""

    def start(self, n: int, y: Condition | None = None) -> State:
        """Return the initial state of n sequences."""
        ...

    def step(self, frame: Tensor, state: State) -> Tensor:
        """Read frames (B, K); return features h (B, width) for the next ones."""
        ...

    def select(self, state: State, rows: Tensor) -> None:
        """Replace the sequences of a state by those at `rows`."""
        ...

    def head(self, h: Tensor, before: Tensor, frame: Tensor) -> Tensor:
        """Return logits (B, K, values) of the cells of a frame, given the one before and its own earlier cells."""
        ...

    def over(self, h: Tensor) -> Tensor:
        """Return logits (B, 1) of the piece being over."""
        ...


class FrameModel(Trainable[RollCodec]):
    """Base of models of frames, with `net(frames, y) -> logits of cells, logits of the end`.

    The input has one frame more than the prediction: the one before, END_FRAME where there is none.
    """

    score_kind: ClassVar[ScoreKind] = "exact"
    score_chunk: ClassVar[int] = 32

    head: Literal["autoregressive", "independent"] = "autoregressive"
    """Whether the keys or voices of a time step depend on each other, or only on earlier time steps."""
    context: Annotated[int, Between(2)] = 96
    """Time steps of a training window, which is a random part of a longer piece."""
    bar: Annotated[int, Between(1)] = 16
    """Time steps of a bar, or of another period; the network knows the position in it."""
    max_frames: Annotated[int, Between(1), Sampling] = 600
    """Maximum time steps of a sample."""
    temperature: Annotated[float, Between(0, 100), Sampling] = 1.0
    """Randomness of samples: 1 draws from the model, 0 takes the most likely value each time."""
    melody: Annotated[str, Sampling] = ""
    """MIDI file with the melody to harmonise."""
    melody_track: Annotated[str, Sampling] = ""
    """Track of that file, by name or by number (1 is the first); by default the first that isn't drums."""
    particles: Annotated[int, Between(1), Sampling] = 32
    """Number of particles that harmonise a melody or fill gaps; more look further ahead."""
    batch_size = 16

    @abstractmethod
    def network(self, cells: int, size: int, y_spec: DataSpec | None) -> nn.Module:
        """Build the network for frames of `cells` cells of `size` values."""

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Build the network."""
        return nn.ModuleDict({"net": self.network(len(spec.features), spec.features[0].size, y_spec)})

    # ---- learning

    def rows(self, data: TrainingData) -> TrainingData:
        """Arrange pieces as rows of one tensor, each with the frame before it; split pieces of more than 4 contexts."""
        pieces = cast(Sequences, data.x)
        most, rows, item_index = math.ceil(4 * self.context / self.bar) * self.bar, [], []
        for i, piece in enumerate(pieces):
            framed = started(piece[None])[0]
            for low in range(0, len(piece), most):
                rows.append(framed[low : low + most + 1])
                item_index.append(i)
        x = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD_FRAME)
        return data.cut(x, np.array(item_index))

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """Cut a random window of `context` frames, and the frame before it, out of each row; all when not training.

        Windows begin at a bar. Starts are drawn as if rows extended by half a window at both ends, so that the ends are
        learnt as well as the middle.
        """
        x, length = self.codec_.prepare(codes, noise, train=train), self.context
        if not train or x.shape[1] <= length + 1:
            return x
        lengths = (x[..., 0] > PAD_FRAME).sum(1) - 1  # with the end frame
        start = (noise.uniform() * (lengths + 1) - length / 2).long().clamp(min=0)
        start = torch.minimum(start, (lengths - length).clamp(min=0))
        start = (start + self.bar - 1) // self.bar * self.bar  # upwards, so that the end is always reached
        positions = start[:, None] + torch.arange(length + 1, device=x.device)
        x = F.pad(x, (0, 0, 0, length), value=PAD_FRAME)
        return x.gather(1, positions[..., None].expand(-1, -1, x.shape[2]))

    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """Return -log p of an item's frames and end, the mean over its frames, (B,) nats."""
        cells, ends = self.surprisal(nets["net"], batch.x, batch.y)
        return (cells.sum(2) + ends).sum(1) / (batch.x[:, 1:, 0] >= 0).sum(1).clamp(min=1)

    @staticmethod
    def surprisal(net: nn.Module, x: Tensor, y: Condition | None) -> tuple[Tensor, Tensor]:
        """Return -log p of the cells of x (B, T + 1, K) but the first frame's, (B, T, K), and of the end, nats (B, T).

        The end is whether the piece is over at that frame. No piece is over before it begins; padding costs nothing.
        """
        logits, over = net(x, y)
        begins, x = x[:, :-1, 0] == END_FRAME, x[:, 1:]
        there, ended = x[..., 0] >= 0, x[..., 0] == END_FRAME
        cells = F.cross_entropy(logits.flatten(0, 2), x.clamp(min=0).flatten(), reduction="none").view(x.shape)
        ends = F.binary_cross_entropy_with_logits(over, ended.float(), reduction="none")
        return cells * there.unsqueeze(2), ends * ((there | ended) & ~begins)

    # ---- primitives

    def log_prob(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        """Return log p of all frames and of the end, (B,) nats."""
        cells, ends = self.surprisal(self.nets_["net"], started(x), y)
        return -(cells.sum(2).double() + ends.double()).sum(1)

    def nats_by_place(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        """Return -log p of each cell, and in a last column of the end, nats (B, T, K + 1)."""
        cells, ends = self.surprisal(self.nets_["net"], started(x), y)
        return torch.cat([cells, ends.unsqueeze(2)], dim=2)

    def frame_nll(self, X: object, y: object = None) -> float:
        """Return the mean -log p of a frame over all frames of all pieces, in nats, as papers report it.

        The first frame counts, the ends of pieces don't. With voices it is the sum over them: divide by their number
        for nats per note.
        """
        encoded = self.encode_items(X, y)
        self.require_conditions(encoded.y_codes)

        def sums(x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
            cells, _ = self.surprisal(self.nets_["net"], started(x), y)
            return torch.stack([cells.sum(2).double().sum(1), (x[..., 0] >= 0).sum(1)], dim=1)

        nats, frames = self.map_items(sums, encoded).sum(axis=0)
        return float(nats / frames)

    def draw(self, noise: Noise, y: Condition | None) -> Tensor:
        """Draw rows of frames, then END_FRAME, then PAD_FRAME, float (n, max_frames, K)."""
        if self.melody:
            return self._harmonise(noise, y)
        net = cast(FrameDecoder, self.nets_["net"])
        u = noise.uniform(self.max_frames, len(self.spec_.features) + 1)
        state, frame = net.start(noise.n, y), self._first_input(noise.n)
        rows = frame.new_full((noise.n, self.max_frames, frame.shape[1]), PAD_FRAME)
        over = torch.zeros(noise.n, dtype=torch.bool, device=frame.device)
        for t in range(self.max_frames):
            h = net.step(frame, state)
            ends = (u[:, t, -1] < net.over(h).squeeze(1).sigmoid()) & ~over if t else over
            frame = self._choose(net, h, frame, u[:, t])
            rows[:, t] = frame.masked_fill(over[:, None], PAD_FRAME).masked_fill(ends[:, None], END_FRAME)
            over = over | ends
            if bool(over.all()):
                break
        return rows

    def _harmonise(self, noise: Noise, y: Condition | None) -> Tensor:
        """Draw frames whose first cell is the melody, float (n, T, K), by sequential Monte Carlo (see the module)."""
        if self.spec_.features[0].name != "voice" or self.head == "independent":
            raise ZaohuaError(
                f"{option('melody')} needs a model of voices with {option('head', 'autoregressive')}: train on pieces "
                "with voices"
            )
        melody = self.codec_.melody(self.melody, self.melody_track).to(self.device_)
        x = F.pad(F.pad(melody[:, None], (0, len(self.spec_.features) - 1)), (0, 0, 0, 1), value=END_FRAME)
        known = torch.zeros_like(x, dtype=torch.bool)
        known[:, 0] = True
        return self.complete(x.expand(noise.n, -1, -1), known.expand(noise.n, -1, -1), noise, y, False)[:, :-1]

    def complete(self, x: Tensor, known: Tensor, noise: Noise, y: Condition | None, no_missing: bool) -> Tensor:
        """Draw the unknown cells of frames x (n, T, K) given the known ones before and after, by `particles`.

        Args:
            x: frames with their END_FRAME, and PAD_FRAME after it.
            known: mask of the known cells (of frames with an end, at least).
            noise: noise of the n pieces.
            y: condition of each.
            no_missing: no meaning here, as no cell is missing.
        """
        net, n, (_, frames, cells) = cast(FrameDecoder, self.nets_["net"]), noise.n, x.shape
        particles = Particles(n, self.particles, self.device_)
        u, turn = noise.uniform(frames, self.particles, cells), noise.uniform(frames * cells + 1)
        x, known = x.long().to(self.device_), known.to(self.device_) & (x[..., :1] >= 0).to(self.device_)
        rows = x.repeat_interleave(self.particles, 0)
        state = net.start(len(rows), None if y is None else y.repeat_interleave(self.particles, 0))
        frame = self._first_input(len(rows))
        for t in range(frames):
            h, before, given = net.step(frame, state), frame, known[:, t]
            particles.weigh(self._ends(net, h, rows[:, t]) if t else h.new_zeros(len(h)))
            frame = torch.zeros_like(frame)
            for i in range(cells):
                logits = net.head(h, before, frame)[:, i]  # of independent heads the same for all cells, and fast
                drawn = self._chosen(logits, i, u[:, t, :, i].flatten())
                frame[:, i] = torch.where(given[:, i].repeat_interleave(self.particles), rows[:, t, i], drawn)
                if given[:, i].any():
                    log_p = logits.log_softmax(1).gather(1, frame[:, i : i + 1])[:, 0]
                    particles.weigh(log_p * given[:, i].repeat_interleave(self.particles))
                    chosen = particles.resample(turn[:, t * cells + i])
                    if chosen is not None:
                        net.select(state, chosen)
                        h, before, frame, rows = h[chosen], before[chosen], frame[chosen], rows[chosen]
            frame = torch.where(rows[:, t, :1] < 0, rows[:, t], frame)
            rows[:, t] = frame
        return rows[particles.last(turn[:, -1])]

    @staticmethod
    def _ends(net: FrameDecoder, h: Tensor, frame: Tensor) -> Tensor:
        """Return log p of the piece ending at a given frame (B, K), or going on with it, (B,); 0 for padding."""
        over = net.over(h).squeeze(1)
        ended, padding = frame[:, 0] == END_FRAME, frame[:, 0] == PAD_FRAME
        return F.logsigmoid(torch.where(ended, over, -over)).masked_fill(padding, 0.0)

    def _choose(self, net: FrameDecoder, h: Tensor, before: Tensor, u: Tensor) -> Tensor:
        """Draw the cells of frames after `before` (B, K), using u (B, >= K)."""
        frame = torch.zeros_like(before)
        logits = net.head(h, before, frame)
        for i in range(frame.shape[1]):
            if self.head == "autoregressive" and i:
                logits = net.head(h, before, frame)
            frame[:, i] = self._chosen(logits[:, i], i, u[:, i])
        return frame

    def _chosen(self, logits: Tensor, cell: int, u: Tensor) -> Tensor:
        """Draw a cell of frames by logits (B, values) and uniform numbers (B,), among the values of training."""
        possible = logits.masked_fill(~self.codec_.seen_[cell].to(logits.device), -torch.inf)
        return TokenSampler(self.temperature)(possible, u, possible[:, :0].long())

    def _first_input(self, n: int) -> Tensor:
        """Return END_FRAME, the input before the first frame, int64 (n, K)."""
        return torch.full((n, len(self.spec_.features)), END_FRAME, device=self.device_)


def started(x: Tensor) -> Tensor:
    """Prepend the frame before the first, END_FRAME, to pieces (B, T, K): (B, T + 1, K)."""
    return F.pad(x, (0, 0, 1, 0), value=END_FRAME)
