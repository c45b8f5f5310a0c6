"""Recurrent layers with a state, and a recurrent network over tokens.

The layers are LSTM (Hochreiter & Schmidhuber 1997), GRU (Cho et al. 2014, arXiv 1406.1078), or dilated causal
convolutions whose state is their last inputs (Bai, Kolter & Koltun 2018, arXiv 1803.01271).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.nn.embed import Embed

Cell = Literal["lstm", "gru", "conv"]
CellState = Tensor | tuple[Tensor, Tensor]
"""State of all layers: h, or h and c of an LSTM, (layers, B, width); the last inputs of convolutions."""


def recurrent(cell: Cell, width: int, layers: int, dropout: float) -> nn.Module:
    """Return recurrent layers of `width` inputs and outputs, batch first: `(x, state or None) -> (h, state)`."""
    if cell == "conv":
        return Convolutions(width, layers, dropout)
    kind = nn.LSTM if cell == "lstm" else nn.GRU
    cells = kind(width, width, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
    for name, p in cells.named_parameters():
        if "weight_hh" in name:  # orthogonal, gate by gate: gradients neither vanish nor explode at first
            for gate in p.data.chunk(len(p) // width):
                nn.init.orthogonal_(gate)
        if "bias_ih" in name and cell == "lstm":  # remember by default (Jozefowicz et al. 2015)
            nn.init.ones_(p.data[width : 2 * width])
    return cells


class Convolutions(nn.Module):
    """Causal residual blocks of two convolutions each; the dilation doubles from block to block.

    Args:
        width: number of channels.
        layers: number of blocks.
        dropout: probability of dropping a channel for all steps of a sequence.
        taps: kernel size; the last tap is the present step.
    """

    def __init__(self, width: int, layers: int, dropout: float, taps: int = 3) -> None:
        super().__init__()
        self.taps, self.drop = taps, nn.Dropout1d(dropout)
        self.convs = nn.ModuleList(nn.Conv1d(width, width, taps, dilation=2 ** (i // 2)) for i in range(2 * layers))

    def forward(self, x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """Map x (B, T, width) and the state, the last inputs (2 layers, B, width, steps), to (h, state)."""
        x = x.transpose(1, 2)
        if state is None:
            reach = (self.taps - 1) * 2 ** (len(self.convs) // 2 - 1)
            state = x.new_zeros(len(self.convs), *x.shape[:2], reach)
        inputs = []
        for i in range(0, len(self.convs), 2):
            h = x
            for k in (i, i + 1):
                before = torch.cat([state[k], h], dim=2)
                inputs.append(before[:, :, before.shape[2] - state.shape[3] :])
                reach = (self.taps - 1) * 2 ** (i // 2)
                h = self.drop(F.relu(self.convs[k](before[:, :, state.shape[3] - reach :])))
            x = F.relu(x + h)
        return x.transpose(1, 2), torch.stack(inputs)


@dataclass
class RecurrentState:
    """What n sequences have come to.

    Attributes:
        condition: added to every input, (n, width).
        cells: the layers' state; None before the first token.
    """

    condition: Tensor
    cells: CellState | None = None

    def __len__(self) -> int:
        return len(self.condition)

    @property
    def row_bytes(self) -> int:
        """Bytes that are kept for each row."""
        return self.condition.element_size() * self.condition.shape[1]

    def join(self, state: RecurrentState) -> None:
        """Add the row of another state, which has read something, behind the others."""
        self.condition = torch.cat([self.condition, state.condition])
        old, new = self.cells, state.cells
        if isinstance(old, tuple) and isinstance(new, tuple):
            self.cells = torch.cat([old[0], new[0]], 1), torch.cat([old[1], new[1]], 1)
        else:
            self.cells = new if old is None else torch.cat([cast(Tensor, old), cast(Tensor, new)], 1)

    def leave(self, row: int) -> None:
        """Remove a row, whose place the last one takes."""
        rows = torch.arange(len(self) - 1, device=self.condition.device)
        if row < len(rows):
            rows[row] = len(rows)
        self.condition = self.condition[rows]
        self.select(rows)

    def select(self, rows: Tensor) -> None:
        """Replace the layers' state of each row by that at its index in `rows`."""
        cells = self.cells
        assert cells is not None
        self.cells = cells[:, rows] if isinstance(cells, Tensor) else (cells[0][:, rows], cells[1][:, rows])


class Recurrent(nn.Module):
    """Recurrent language model: logits of each next token, given the tokens before it and a condition.

    Args:
        vocabulary: number of tokens.
        y_spec: description of the condition, which is added to every input; None for an unconditional network.
        width: width of the token embeddings and of the state.
        layers: number of recurrent layers.
        cell: kind of the layers.
        dropout: dropout probability between layers.
    """

    def __init__(
        self,
        vocabulary: int,
        y_spec: DataSpec | None = None,
        *,
        width: int = 512,
        layers: int = 2,
        cell: Literal["lstm", "gru"] = "lstm",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.embed = Embed(y_spec, width)
        self.cells = recurrent(cell, width, layers, dropout)
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, tokens: Tensor, y: Condition | None = None, keep: Tensor | None = None) -> Tensor:
        """Map tokens (B, t), conditions y and the mask keep (B,) to logits float32 (B, t, vocabulary)."""
        return self._run(tokens, self.embed(y, tokens.shape[0], keep).summary, None)[0]

    def start(self, n: int, y: Condition | None = None, keep: Tensor | None = None) -> RecurrentState:
        """Return the initial state for n sequences, before the first token."""
        return RecurrentState(self.embed(y, n, keep).summary)

    def step(self, tokens: Tensor, state: RecurrentState) -> Tensor:
        """Add the next tokens, int (B, t), to the state; return logits of the token after them, float32 (B, V)."""
        logits, state.cells = self._run(tokens, state.condition, state.cells)
        return logits[:, -1]

    def select(self, state: RecurrentState, rows: Tensor) -> None:
        """Replace each row of the state by that at its index in `rows`, (B,), which has the same condition."""
        state.select(rows)

    def slots(self) -> RecurrentState:
        """Return a state without rows, which join and leave one by one."""
        return RecurrentState(self.tokens.weight.new_zeros(0, self.tokens.embedding_dim))

    def _run(self, tokens: Tensor, condition: Tensor, cells: CellState | None) -> tuple[Tensor, CellState]:
        x = self.drop(self.tokens(tokens) + condition[:, None])
        h, cells = self.cells(x, cells)
        return self.head(self.drop(h)).float(), cells
