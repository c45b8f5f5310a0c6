"""The recurrent network over tokens: LSTM (Hochreiter & Schmidhuber 1997) or GRU (Cho et al. 2014, arXiv 1406.1078)."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor, nn

from zaohua.nn.embed import Embed, pool
from zaohua.spec import DataSpec


def recurrent(cell: Literal["lstm", "gru"], width: int, layers: int, dropout: float) -> nn.Module:
    """LSTM or GRU layers from vectors of `width` numbers to as many, batch first."""
    kind: Any = nn.LSTM if cell == "lstm" else nn.GRU
    cells = kind(width, width, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
    for name, p in cells.named_parameters():
        if "weight_hh" in name:  # orthogonal, gate by gate: gradients neither vanish nor explode at first
            for gate in p.data.chunk(len(p) // width):
                nn.init.orthogonal_(gate)
        if "bias_ih" in name and cell == "lstm":  # remember by default (Jozefowicz et al. 2015)
            nn.init.ones_(p.data[width : 2 * width])
    return cells


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

    def __init__(self, vocabulary: int, y_spec: DataSpec | None = None, *, width: int = 512, layers: int = 2,
                 cell: Literal["lstm", "gru"] = "lstm", dropout: float = 0.0) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.embed = Embed(y_spec, width)
        self.cells = recurrent(cell, width, layers, dropout)
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, tokens: Tensor, y: Tensor | None = None, keep: Tensor | None = None) -> Tensor:
        """tokens int (B, t), y as its spec says, keep bool (B,) -> logits float32 (B, t, vocabulary)."""
        return self._run(tokens, pool(self.embed(y, len(tokens), keep)), None)[0]

    def start(self, n: int, y: Tensor | None = None, keep: Tensor | None = None) -> dict[str, Any]:
        """The state before the first token, for n sequences."""
        return {"condition": pool(self.embed(y, n, keep)), "cells": None}

    def step(self, tokens: Tensor, state: dict[str, Any]) -> Tensor:
        """Next tokens int (B, t), which the state takes up -> logits float32 of what follows the last, (B, V)."""
        logits, state["cells"] = self._run(tokens, state["condition"], state["cells"])
        return logits[:, -1]

    def _run(self, tokens: Tensor, condition: Tensor, cells: Any) -> tuple[Tensor, Any]:
        x = self.drop(self.tokens(tokens) + condition[:, None])
        h, cells = self.cells(x, cells)
        return self.head(self.drop(h)).float(), cells
