"""WaveNet: dilated causal convolutions over tokens, for all tokens at once or step by step with ring buffers.

With x the first layer's input, c the condition, and layer l looking d_l steps back,

    z_l = tanh(A_l [x_l(t - d_l), x_l(t)] + a_l(c)) * sigmoid(B_l [x_l(t - d_l), x_l(t)] + b_l(c))
    x_{l+1} = x_l + R_l z_l,    logits = V relu(U relu(sum_l S_l z_l))

where d_l doubles from layer to layer of a stack. Source: van den Oord et al., "WaveNet: A Generative Model for Raw
Audio", 2016 (arXiv:1609.03499).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.nn.embed import Embed

NEVER = -1e9
"""Logit of an impossible token: its probability is 0 at any temperature; unlike infinity it can be interpolated."""


class WaveNet(nn.Module):
    """Convolutional language model: logits of each next token, given the tokens before it and a condition.

    Internally tensors are (t, B, ...), so that the tokens d steps earlier are one contiguous block of memory.

    Args:
        vocabulary: number of tokens.
        y_spec: description of the condition, which is added in every gate; None for an unconditional network.
        width: even number of channels of the layers.
        skip: number of channels of the sum of skip connections.
        layers: number of layers of a stack, with dilations 1, 2, 4 ...
        stacks: number of stacks.
        end: index of the token that starts and ends every sequence; it can't follow itself at the start, so that no
            sequence is empty. None if there is no such token.

    Attributes:
        dilations: dilation of each layer.
        reach: number of tokens that the logits depend on.
    """

    def __init__(
        self,
        vocabulary: int,
        y_spec: DataSpec | None = None,
        *,
        width: int = 32,
        skip: int = 128,
        layers: int = 10,
        stacks: int = 2,
        end: int | None = None,
    ) -> None:
        super().__init__()
        self.end = end
        self.width, self.dilations = width, [2**i for _ in range(stacks) for i in range(layers)]
        self.reach, n = reach(layers, stacks), len(self.dilations)
        self.tokens = nn.Embedding(vocabulary, width)
        self.embed = Embed(y_spec, width)
        self.condition = nn.Linear(width, n * 2 * width)  # and the gates' biases
        self.gates = nn.Parameter(torch.empty(n, 2 * width, 2 * width).uniform_(-1, 1) / (2 * width) ** 0.5)
        self.outs = nn.Parameter(torch.empty(n - 1, width, width).uniform_(-1, 1) / width**0.5)
        self.skip = nn.Linear(n * width, skip)
        self.hidden, self.head = nn.Linear(skip, skip), nn.Linear(skip, vocabulary)
        nn.init.zeros_(self.head.weight)

    def forward(self, tokens: Tensor, y: Condition | None = None, keep: Tensor | None = None) -> Tensor:
        """Map tokens (B, t), conditions y and the mask keep (B,) to logits float32 (B, t, vocabulary)."""
        x, conditions = self.tokens(tokens.T), self._conditions(tokens.shape[0], y, keep)
        gated: list[Tensor] = []
        outs = self.outs.unbind()
        for d, gate, condition in zip(self.dilations, self.gates.unbind(), conditions.unbind(), strict=True):
            if gated:
                x = x + F.linear(gated[-1], outs[len(gated) - 1])
            earlier = F.pad(x[:-d], (0, 0, 0, 0, min(d, x.shape[0]), 0))
            a, b = (F.linear(torch.cat([earlier, x], dim=2), gate) + condition).chunk(2, dim=2)
            gated.append(torch.tanh(a) * torch.sigmoid(b))
        logits = self._logits(torch.cat(gated, dim=2))
        self._forbid_empty(logits[0], tokens[:, 0])
        return logits.transpose(0, 1)

    def _conditions(self, n: int, y: Condition | None, keep: Tensor | None) -> Tensor:
        """Return the contributions of the condition to the layers' gates, (layers, n, 2 width)."""
        out: Tensor = self.condition(self.embed(y, n, keep).summary).view(n, -1, 2 * self.width).transpose(0, 1)
        return out

    def _logits(self, gated: Tensor) -> Tensor:
        """Map the outputs of all layers, (..., layers x width), to logits float32 (..., vocabulary)."""
        out: Tensor = self.head(F.relu(self.hidden(F.relu(self.skip(gated))))).float()
        return out

    def _forbid_empty(self, logits: Tensor, first: Tensor) -> None:
        """Set the end's logit (B, vocabulary) after the first tokens (B,) to `NEVER` where these are the end token."""
        if self.end is not None:
            logits[:, self.end].masked_fill_(first == self.end, NEVER)

    def start(self, n: int, y: Condition | None = None, keep: Tensor | None = None) -> Rings:
        """Return the initial state for n sequences, before the first token."""
        width, like = self.width, self.tokens.weight
        pairs, halves = [], []
        for d in self.dilations:
            ring = like.new_zeros(d, n, 2 * width)
            pairs.append(ring.unbind())
            halves.append((ring[..., :width].unbind(), ring[..., width:].unbind()))
        gates = self.gates.mT.contiguous()
        gated = like.new_empty(n, len(gates) * width)
        return Rings(
            pairs,
            halves,
            (gates.roll(width, dims=1).unbind(), gates.unbind()),
            self.outs.mT.contiguous().unbind(),
            self._conditions(n, y, keep).contiguous().unbind(),
            like.new_empty(n, 2 * width),
            gated,
            gated.split(width, dim=1),
        )

    def step(self, tokens: Tensor, state: Rings) -> Tensor:
        """Add the next tokens, int (B, t), to the state; return logits of the token after them, float32 (B, V)."""
        for token in tokens.unbind(dim=1):
            self._add_token(token, state)
        logits = self._logits(state.gated)
        if state.now == 1:
            self._forbid_empty(logits, tokens[:, 0])
        return logits

    def _add_token(self, token: Tensor, state: Rings) -> None:
        """Add one token per sequence, int (B,). The cost of a step is the number of operations, so there are few."""
        now, gate = state.now, state.gate
        a, b = gate.chunk(2, dim=1)
        x = self.tokens(token)
        for i, d in enumerate(self.dilations):
            turn, index = now // d % 2, now % d
            half = state.halves[i][turn][index]
            if i:
                torch.addmm(x, state.parts[i - 1], state.outs[i - 1], out=half)
            else:
                half.copy_(x)
            x = half
            torch.addmm(state.conditions[i], state.pairs[i][index], state.gates[turn][i], out=gate)
            torch.mul(a.tanh_(), b.sigmoid_(), out=state.parts[i])
        state.now = now + 1


@dataclass
class Rings:
    """State of sequential sampling: ring buffers of the layers' inputs, and buffers that steps reuse.

    A layer with dilation d has d pairs. The pair of step t has index t mod d, and holds the inputs of steps t and t - d
    side by side, (B, 2 width). The two alternate: the newer one is in the second half whenever t // d is odd.

    Attributes:
        pairs, halves: the pairs by layer and index, and views of their halves.
        gates: transposed matrices of all layers, for pairs whose newer half is the first one, and the second one.
        outs: transposed matrices from the layers' outputs to the next layer's input.
        conditions: contributions of the condition to each layer's gates, (B, 2 width).
        gate: buffer for a layer's gates, (B, 2 width).
        gated, parts: outputs of all layers, (B, layers x width), and views of each layer's part.
        now: number of tokens added so far.
    """

    pairs: list[tuple[Tensor, ...]]
    halves: list[tuple[tuple[Tensor, ...], tuple[Tensor, ...]]]
    gates: tuple[tuple[Tensor, ...], tuple[Tensor, ...]]
    outs: tuple[Tensor, ...]
    conditions: tuple[Tensor, ...]
    gate: Tensor
    gated: Tensor
    parts: tuple[Tensor, ...]
    now: int = 0


def reach(layers: int, stacks: int) -> int:
    """Return the receptive field, in tokens, of stacks of layers with dilations 1, 2, 4 ..."""
    tokens: int = 1 + stacks * (2**layers - 1)
    return tokens
