"""Recurrent network over frames of music, and the output layer that predicts the cells of a frame in order.

A frame x has K cells (keys or voices) with S values each, of which 0 is silence. Given the context h, the previous
frame b and the cells below, cell i has

    u = relu(C_i h + sum_{j < i} (E_ij [x_j] + V_ij 1[x_j != b_j]))       hidden units, which see the cells below and
                                                                          which of these changed
    logits = A_i h + W_i u + (w_i u) [b_i]                                the last term is for staying at b_i

with values as one-hot vectors without silence, whose logit is 0. Compare Larochelle and Murray, "The Neural
Autoregressive Distribution Estimator", 2011, and Boulanger-Lewandowski et al. 2012 (arXiv:1206.6392; RNN-NADE).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.nn.embed import Embed
from zaohua.nn.recurrent import Cell, CellState, recurrent


def one_hot(frames: Tensor, size: int) -> Tensor:
    """Encode int (..., K) as one-hot vectors of the values above 0, float (..., K (size - 1)); negative is no value."""
    values = torch.arange(1, size, device=frames.device)
    return (frames.unsqueeze(-1) == values).flatten(-2).float()


class CellHead(nn.Module):
    """Output layer: logits of each cell's values, given a context, the previous frame and the cells below.

    Args:
        cells, size: number of cells, and of values of each cell.
        width: width of the context.
        hidden: number of hidden units per cell.
        autoregressive: True if cells see those below them.
    """

    def __init__(self, cells: int, size: int, width: int, hidden: int, autoregressive: bool) -> None:
        super().__init__()
        self.size, self.autoregressive = size, autoregressive
        self.free, self.context = nn.Linear(width, cells * (size - 1)), nn.Linear(width, cells * hidden)
        self.out = nn.Parameter(torch.empty(cells, hidden, size).normal_(std=0.05))
        if autoregressive:
            self.values = nn.Parameter(torch.empty(cells * hidden, cells * (size - 1)).normal_(std=0.1))
            self.moves = nn.Parameter(torch.empty(cells * hidden, cells).normal_(std=0.1))
            below = torch.ones(cells, cells).tril(-1).repeat_interleave(hidden, 0)
            self.below: Tensor
            self.below_values: Tensor
            self.register_buffer("below", below, persistent=False)
            self.register_buffer("below_values", below.repeat_interleave(size - 1, 1), persistent=False)

    def forward(self, h: Tensor, before: Tensor, frames: Tensor) -> Tensor:
        """Map contexts h (..., width), previous frames and frames, int (..., K), to logits float32 (..., K, S)."""
        u = self.context(h)
        if self.autoregressive:
            u = u + F.linear(one_hot(frames, self.size), self.values * self.below_values)
            u = u + F.linear((frames != before).float(), self.moves * self.below)
        u = F.relu(u).unflatten(-1, self.out.shape[:2])
        out = torch.einsum("...kh,khs->...ks", u, self.out)
        free = self.free(h).unflatten(-1, (-1, self.size - 1))
        stay = out[..., -1:] * one_hot(before, self.size).unflatten(-1, free.shape[-2:])
        return F.pad((free + out[..., :-1] + stay).float(), (1, 0))


@dataclass
class FrameState:
    """What n pieces have come to.

    Attributes:
        condition: added to every input, (n, width).
        cells: the layers' state; None before the first frame.
        place: number of the next frame.
        earlier: the frame before the last, int (n, K); None before there is one.
    """

    condition: Tensor
    cells: CellState | None = None
    place: int = 0
    earlier: Tensor | None = None


class FrameRNN(nn.Module):
    """Recurrent network over frames: logits of each frame's cells, and of the end, given the frames before it.

    Args:
        cells, size: number of cells, and of values of each cell.
        y_spec: description of the condition, which is added to every input; None for an unconditional network.
        width: width of the inputs and of the state.
        hidden: number of hidden units per cell in the head.
        layers: number of recurrent layers, or of blocks of convolutions.
        cell: kind of the layers.
        dropout: dropout probability between layers.
        input_dropout: dropout probability of the values of the previous frame, and of the changes that led to it.
        bar: period of the position in the bar that the network sees, in frames.
        autoregressive: True if a cell sees those below it in the same frame.
    """

    def __init__(
        self,
        cells: int,
        size: int,
        y_spec: DataSpec | None = None,
        *,
        width: int = 200,
        hidden: int = 32,
        layers: int = 1,
        cell: Cell = "gru",
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        bar: int = 16,
        autoregressive: bool = True,
    ) -> None:
        super().__init__()
        self.size, self.bar = size, bar
        self.places = nn.Embedding(bar, width)
        nn.init.zeros_(self.places.weight)  # torch's initial values would dominate the notes
        self.frames, self.moves = nn.Linear(cells * (size - 1), width), nn.Linear(cells, width, bias=False)
        self.first = nn.Parameter(torch.zeros(width))
        self.embed = Embed(y_spec, width)
        self.cells = recurrent(cell, width, layers, dropout)
        self.drop_frame, self.drop = nn.Dropout(input_dropout), nn.Dropout(dropout)
        self.head = CellHead(cells, size, width, hidden, autoregressive)
        self.over = nn.Linear(width, 1)

    def forward(self, frames: Tensor, y: Condition | None = None) -> tuple[Tensor, Tensor]:
        """Predict every frame but the first, which is only read.

        Args:
            frames: int (B, T + 1, K), starting at a bar; negative for no frame, as before the first one.
            y: conditions, as described by `y_spec`.

        Returns:
            Logits of the cells, float32 (B, T, K, S), and of the end of the piece, float32 (B, T).
        """
        before = frames[:, :-1]
        earlier = F.pad(before[:, :-1], (0, 0, 1, 0), value=-1)
        h, _ = self._run(before, earlier, self.embed(y, len(frames)).summary, None, 0)
        return self.head(h, before, frames[:, 1:]), self.over(h).squeeze(-1).float()

    def start(self, n: int, y: Condition | None = None) -> FrameState:
        """Return the initial state for n pieces, before the first frame."""
        return FrameState(self.embed(y, n).summary)

    def step(self, frame: Tensor, state: FrameState) -> Tensor:
        """Add the last frame, int (B, K), negative before the first, to the state; return the context (B, width)."""
        earlier = torch.full_like(frame, -1) if state.earlier is None else state.earlier
        h, state.cells = self._run(frame[:, None], earlier[:, None], state.condition, state.cells, state.place)
        state.place, state.earlier = state.place + 1, frame
        return h[:, 0]

    @staticmethod
    def select(state: FrameState, rows: Tensor) -> None:
        """Makes a state that of these of its rows, int (B,); at least one frame has been read."""
        assert state.cells is not None and state.earlier is not None
        state.earlier = state.earlier[rows]
        if isinstance(state.cells, tuple):
            h, c = state.cells
            state.cells = (h[:, rows], c[:, rows])
        else:
            state.cells = state.cells[:, rows]

    def _run(
        self, before: Tensor, earlier: Tensor, condition: Tensor, cells: CellState | None, start: int
    ) -> tuple[Tensor, CellState]:
        """Map the last frames and those before them, int (B, T, K) each, to contexts (B, T, width) and a state."""
        indices = torch.arange(start, start + before.shape[1], device=before.device) % self.bar
        values, moved = self.drop_frame(one_hot(before, self.size)), self.drop_frame((before != earlier).float())
        x = self.frames(values) + self.moves(moved)
        x = torch.where(before[..., :1] < 0, self.first.to(x.dtype), x) + condition[:, None]
        h, cells = self.cells(x + self.places(indices), cells)
        return self.drop(h), cells
