"""Networks that go along a sequence with a state, and the one over tokens.

LSTM (Hochreiter & Schmidhuber 1997), GRU (Cho et al. 2014, arXiv 1406.1078), or dilated convolutions over the steps
before, whose state is the last of their inputs (Bai, Kolter & Koltun 2018, arXiv 1803.01271).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.spec import DataSpec
from zaohua.nn.embed import Embed, pool

Cell = Literal["lstm", "gru", "conv"]
CellState = Tensor | tuple[Tensor, Tensor]
"""State of all layers: h, or h and c of an LSTM, (layers, B, width); the last inputs of convolutions."""


def recurrent(cell: Cell, width: int, layers: int, dropout: float) -> nn.Module:
    """Layers from vectors of `width` numbers to as many, batch first: `(x, state or None) -> (h, state)`."""
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
    """Residual blocks of two convolutions each, which look twice as far back from block to block.

    Args:
        width: channels.
        layers: blocks.
        dropout: probability with which a channel is dropped, for all steps of a sequence.
        taps: steps that a convolution sees, of which the last is the present one.
    """

    def __init__(self, width: int, layers: int, dropout: float, taps: int = 3) -> None:
        super().__init__()
        self.taps, self.drop = taps, nn.Dropout1d(dropout)
        self.convs = nn.ModuleList(nn.Conv1d(width, width, taps, dilation=2 ** (i // 2)) for i in range(2 * layers))

    def forward(self, x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """x (B, T, width) and the last inputs of every convolution (2 layers, B, width, steps), None for zeros."""
        x = x.transpose(1, 2)
        if state is None:
            reach = (self.taps - 1) * 2 ** (len(self.convs) // 2 - 1)
            state = x.new_zeros(len(self.convs), *x.shape[:2], reach)
        kept = []
        for i in range(0, len(self.convs), 2):
            h = x
            for k in (i, i + 1):
                before = torch.cat([state[k], h], dim=2)
                kept.append(before[:, :, before.shape[2] - state.shape[3] :])
                reach = (self.taps - 1) * 2 ** (i // 2)
                h = self.drop(F.relu(self.convs[k](before[:, :, state.shape[3] - reach :])))
            x = F.relu(x + h)
        return x.transpose(1, 2), torch.stack(kept)


@dataclass
class RecurrentState:
    """What n sequences have come to.

    Attributes:
        condition: added to every input, (n, width).
        cells: the layers' state; None before the first token.
    """

    condition: Tensor
    cells: CellState | None = None


class Recurrent(nn.Module):
    """Logits of each next token, given those before it and a condition.

    Args:
        vocabulary: number of tokens.
        y_spec: the condition, added to every input; None for an unconditional network.
        width: of the tokens' vectors and of the state.
        layers: recurrent layers on top of each other.
        cell: their kind.
        dropout: probability with which an activation between layers is dropped.
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

    def forward(self, tokens: Tensor, y: Tensor | None = None, keep: Tensor | None = None) -> Tensor:
        """tokens int (B, t), y as its spec says, keep bool (B,) -> logits float32 (B, t, vocabulary)."""
        return self._run(tokens, pool(self.embed(y, len(tokens), keep)), None)[0]

    def start(self, n: int, y: Tensor | None = None, keep: Tensor | None = None) -> RecurrentState:
        """The state before the first token, for n sequences."""
        return RecurrentState(pool(self.embed(y, n, keep)))

    def step(self, tokens: Tensor, state: RecurrentState) -> Tensor:
        """Next tokens int (B, t), which the state takes up -> logits float32 of what follows the last, (B, V)."""
        logits, state.cells = self._run(tokens, state.condition, state.cells)
        return logits[:, -1]

    def _run(self, tokens: Tensor, condition: Tensor, cells: CellState | None) -> tuple[Tensor, CellState]:
        x = self.drop(self.tokens(tokens) + condition[:, None])
        h, cells = self.cells(x, cells)
        return self.head(self.drop(h)).float(), cells
