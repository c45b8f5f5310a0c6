"""The recurrent network over frames, and the head that predicts the cells of a frame one after another.

A frame x has K cells (keys or voices) of S values, of which 0 is silence. Given the context h, the frame b before it
and the cells below, cell i has

    u = relu(C_i h + sum_{j < i} (E_ij [x_j] + V_ij 1[x_j != b_j]))       a perceptron that sees those below, and which
    logits = A_i h + W_i u + (w_i u) [b_i]                                of them moved; and how much to stay as before

with values as one-hot vectors without silence, whose logit is 0. Compare Larochelle and Murray, "The Neural
Autoregressive Distribution Estimator", 2011, and Boulanger-Lewandowski et al. 2012 (arXiv:1206.6392; RNN-NADE).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.spec import DataSpec
from zaohua.nn.embed import Embed, pool
from zaohua.nn.recurrent import Cell, CellState, recurrent


def one_hot(frames: Tensor, size: int) -> Tensor:
    """int (..., K), negative for none -> float (..., K (size - 1)): which of its values above 0 each cell has."""
    values = torch.arange(1, size, device=frames.device)
    return (frames.unsqueeze(-1) == values).flatten(-2).float()


class CellHead(nn.Module):
    """Logits of each cell's values, given a context, the frame before and the cells below it (see the module).

    Args:
        cells, size: number of cells, and of the values of each.
        width: of the context.
        hidden: units of each cell's perceptron.
        autoregressive: whether cells see those below them.
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
        """h (..., width), frames and those before them int (..., K) -> float32 (..., K, S): cells given those below."""
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
    """Of each frame, given those before it and a condition: logits of its cells, and of the piece being over instead.

    Args:
        cells, size: number of cells, and of the values of each.
        y_spec: the condition, added to every input; None for an unconditional network.
        width: of the frames' vectors and of the state.
        hidden: units of each cell's perceptron in the head.
        layers: recurrent layers, or blocks of convolutions, on top of each other.
        cell: their kind.
        dropout: probability with which an activation between layers is dropped.
        input_dropout: the same for each value of the frame before, and for each change that led to it.
        bar: frames after which the place that the network is told begins anew.
        autoregressive: whether a cell sees those below it in the same frame.
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
        nn.init.zeros_(self.places.weight)  # as large as torch makes them, they would drown out the notes
        self.frames, self.moves = nn.Linear(cells * (size - 1), width), nn.Linear(cells, width, bias=False)
        self.first = nn.Parameter(torch.zeros(width))
        self.embed = Embed(y_spec, width)
        self.cells = recurrent(cell, width, layers, dropout)
        self.drop_frame, self.drop = nn.Dropout(input_dropout), nn.Dropout(dropout)
        self.head = CellHead(cells, size, width, hidden, autoregressive)
        self.over = nn.Linear(width, 1)

    def forward(self, frames: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """What is predicted of every frame but the first, which is only read.

        Args:
            frames: int (B, T + 1, K), at the beginning of a bar; negative where there are none, as before the first.
            y: as its spec says.

        Returns:
            float32 (B, T, K, S), (B, T).
        """
        before = frames[:, :-1]
        earlier = F.pad(before[:, :-1], (0, 0, 1, 0), value=-1)
        h, _ = self._run(before, earlier, pool(self.embed(y, len(frames))), None, 0)
        return self.head(h, before, frames[:, 1:]), self.over(h).squeeze(-1).float()

    def start(self, n: int, y: Tensor | None = None) -> FrameState:
        """The state before the first frame, for n pieces."""
        return FrameState(pool(self.embed(y, n)))

    def step(self, frame: Tensor, state: FrameState) -> Tensor:
        """The last frame int (B, K), negative before the first, which the state takes up -> the context (B, width)."""
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
        """Frames before those that are predicted, and those before them, int (B, T, K) -> contexts (B, T, width)."""
        places = torch.arange(start, start + before.shape[1], device=before.device) % self.bar
        values, moved = self.drop_frame(one_hot(before, self.size)), self.drop_frame((before != earlier).float())
        x = self.frames(values) + self.moves(moved)
        x = torch.where(before[..., :1] < 0, self.first.to(x.dtype), x) + condition[:, None]
        h, cells = self.cells(x + self.places(places), cells)
        return self.drop(h), cells
