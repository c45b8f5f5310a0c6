"""The recurrent network over frames, and the head that predicts the cells of a frame one after another.

A frame has K cells (keys or voices) of S values, of which 0 is silence. Given the context h, the frame b before it and
the cells below, the logits of cell i are, for each of its values but 0 (whose logit is 0),

    A_i h + (1 + G_i h) * (sum_j L_ij [b_j] + sum_{j < i} M_ij [x_j]) + B_i[number of sounding cells below i]

with values as one-hot vectors: M is strictly triangular in blocks, and the context turns each output up and down. That
the frame before has a way of its own makes it easy to learn that notes are held. Compare Larochelle & Murray 2011 (NADE)
and Boulanger-Lewandowski et al. 2012 (arXiv:1206.6392).
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.nn.embed import Embed, pool
from zaohua.nn.recurrent import recurrent
from zaohua.spec import DataSpec

COUNTED = 8
"""Sounding cells below a cell that are told apart; more count as so many."""


def one_hot(frames: Tensor, size: int) -> Tensor:
    """int (..., K), negative for none -> float (..., K (size - 1)): which of its values above 0 each cell has."""
    values = torch.arange(1, size, device=frames.device)
    return (frames.unsqueeze(-1) == values).flatten(-2).float()


class CellHead(nn.Module):
    """Logits of each cell's values, given a context, the frame before and the cells below it (see the module).

    Args:
        cells, size: number of cells, and of the values of each.
        width: of the context.
        autoregressive: whether cells see those below them.
    """

    def __init__(self, cells: int, size: int, width: int, autoregressive: bool) -> None:
        super().__init__()
        self.size, self.autoregressive = size, autoregressive
        outputs = cells * (size - 1)
        self.free, self.gate = nn.Linear(width, outputs), nn.Linear(width, outputs)
        self.last = nn.Linear(outputs, outputs, bias=False)
        nn.init.zeros_(self.last.weight)
        if autoregressive:
            self.below = nn.Parameter(torch.empty(outputs, outputs).normal_(std=0.02))
            self.count = nn.Parameter(torch.zeros(cells, COUNTED + 1, size - 1))
            blocks = torch.ones(cells, cells).tril(-1)
            self.mask: Tensor
            self.register_buffer("mask", blocks.repeat_interleave(size - 1, 0).repeat_interleave(size - 1, 1),
                                 persistent=False)

    def forward(self, h: Tensor, before: Tensor, frames: Tensor) -> Tensor:
        """h (..., width), frames and those before them int (..., K) -> float32 (..., K, S): cells given those below."""
        seen = self.last(one_hot(before, self.size))
        if self.autoregressive:
            seen = seen + F.linear(one_hot(frames, self.size), self.below * self.mask)
        logits = self.free(h) + seen * (1 + self.gate(h))
        if self.autoregressive:
            sounding = (frames > 0).long()
            counts = (sounding.cumsum(-1) - sounding).clamp(max=COUNTED)
            logits = logits + self.count[torch.arange(frames.shape[-1], device=h.device), counts].flatten(-2)
        return F.pad(logits.float().unflatten(-1, (-1, self.size - 1)), (1, 0))


class FrameRNN(nn.Module):
    """Of each frame, given those before it and a condition: logits of its cells, and of the piece being over instead.

    Args:
        cells, size: number of cells, and of the values of each.
        y_spec: the condition, added to every input; None for an unconditional network.
        width: of the frames' vectors and of the state.
        layers: recurrent layers on top of each other.
        cell: their kind.
        dropout: probability with which an activation between layers is dropped.
        input_dropout: the same for each value of the frame before.
        bar: frames after which the place that the network is told begins anew.
        autoregressive: whether a cell sees those below it in the same frame.
    """

    def __init__(self, cells: int, size: int, y_spec: DataSpec | None = None, *, width: int = 200, layers: int = 1,
                 cell: Literal["lstm", "gru"] = "gru", dropout: float = 0.0, input_dropout: float = 0.0,
                 bar: int = 16, autoregressive: bool = True) -> None:
        super().__init__()
        self.size, self.bar = size, bar
        self.places = nn.Embedding(bar, width)
        self.frames = nn.Linear(cells * (size - 1), width)
        self.first = nn.Parameter(torch.zeros(width))
        self.embed = Embed(y_spec, width)
        self.cells = recurrent(cell, width, layers, dropout)
        self.drop_frame, self.drop = nn.Dropout(input_dropout), nn.Dropout(dropout)
        self.head = CellHead(cells, size, width, autoregressive)
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
        h, _ = self._run(before, pool(self.embed(y, len(frames))), None, 0)
        return self.head(h, before, frames[:, 1:]), self.over(h).squeeze(-1).float()

    def start(self, n: int, y: Tensor | None = None) -> dict[str, Any]:
        """The state before the first frame, for n pieces."""
        return {"condition": pool(self.embed(y, n)), "cells": None, "place": 0}

    def step(self, frame: Tensor, state: dict[str, Any]) -> Tensor:
        """The last frame int (B, K), negative before the first, which the state takes up -> the context (B, width)."""
        h, state["cells"] = self._run(frame[:, None], state["condition"], state["cells"], state["place"])
        state["place"] += 1
        return h[:, 0]

    @staticmethod
    def select(state: dict[str, Any], rows: Tensor) -> None:
        """Makes a state that of these of its rows, int (B,)."""
        cells = state["cells"]
        state["cells"] = tuple(c[:, rows] for c in cells) if isinstance(cells, tuple) else cells[:, rows]

    def _run(self, before: Tensor, condition: Tensor, cells: Any, start: int) -> tuple[Tensor, Any]:
        places = torch.arange(start, start + before.shape[1], device=before.device) % self.bar
        x = self.frames(self.drop_frame(one_hot(before, self.size)))
        x = torch.where(before[..., :1] < 0, self.first.to(x.dtype), x) + condition[:, None]
        h, cells = self.cells(x + self.places(places), cells)
        return self.drop(h), cells
