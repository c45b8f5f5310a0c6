"""Networks in 8-bit integers, and a decoder for our own transformer with as few operations as possible.

In a small network, launching an operation takes longer than the matrix products. So scale factors of whole rows are
applied as late as possible: the divisor of a norm commutes with the following matrix, with relu(.)^2 (as its square)
and with the rounding to integers, and it doesn't affect queries and keys, which are normalised anyway.
"""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.record import Condition
from zaohua.nn.attention import Prefix, visible
from zaohua.nn.blueprint import ZAOHUA, Blueprint
from zaohua.nn.integers import Int8Linear, IntegerMatrix
from zaohua.nn.transformer import Transformer, TransformerBlock


def int8(net: nn.Module, least: int = 1 << 16) -> nn.Module | Int8Transformer:
    """Return an inference copy of a network in which large matrices are 8-bit integers.

    A transformer of the architecture "zaohua" becomes an `Int8Transformer`, which only decodes; in other networks
    linear layers are replaced.

    Args:
        net: the network; it isn't changed.
        least: linear layers with fewer weights aren't converted.

    Raises:
        ZaohuaError: the network isn't on a CPU.
    """
    if next(net.parameters()).device.type != "cpu":
        raise ZaohuaError(f"int8 is for CPUs: leave it out, or compute there ({option('device', 'cpu')})")
    if (
        isinstance(net, Transformer)
        and dataclasses.replace(net.blueprint, positions=False) == ZAOHUA
        and net.width**2 >= least
    ):
        return Int8Transformer(net)
    net = copy.deepcopy(net)
    for parent in list(net.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.Linear) and child.weight.numel() >= least:
                setattr(parent, name, Int8Linear(child))
    return net


def _is_ours(blueprint: Blueprint) -> bool:
    """Return whether an `Int8Transformer` computes what a blueprint says."""
    return dataclasses.replace(blueprint, positions=False) == ZAOHUA


@dataclass
class State:
    """Key-value caches of the blocks, (B, H, room, D) each, of which `length` are filled."""

    keys: list[Tensor]
    values: list[Tensor]
    prefix: Prefix
    length: int = 0


class Int8Transformer:
    """Decoder equivalent to a transformer "zaohua" to about 1 %; see `families.autoregressive.decoding`.

    Args:
        net: the transformer; it isn't changed.
    """

    def __init__(self, net: Transformer) -> None:
        self.net = net
        self.blocks = [_matrices(block) for block in net.blocks if isinstance(block, TransformerBlock)]
        self.turn = torch.complex(net.cos, net.sin)

    def start(self, n: int, y: Condition | None = None, keep: Tensor | None = None) -> State:
        """Return the initial state for n sequences: caches that hold their conditions."""
        net = self.net
        shape = (n, net.heads, net.room, net.width // net.heads)
        keys, values = ([net.cos.new_empty(shape) for _ in self.blocks] for _ in range(2))
        state = State(keys, values, net.prefix(y, n, keep))
        prefix, present = state.prefix.values, state.prefix.present
        if prefix.shape[1]:
            if present is not None:  # rows are divided by their norms: padding, which nothing sees, must not be zero
                prefix = prefix.masked_fill(~present.unsqueeze(2), 1.0)
            self._run(prefix, state)
        return state

    def step(self, tokens: Tensor, state: State) -> Tensor:
        """Add the next tokens, int (B, t), to the state; return logits of the token after them, float32 (B, V)."""
        return self._run(self.net.embedded(tokens, state.prefix), state)

    def rewind(self, state: State, n: int) -> None:
        """Remove the last n tokens from the state."""
        state.length -= n

    def select(self, state: State, rows: Tensor) -> None:
        """Replace each row of the state by that at its index in `rows`, (B,), which has the same condition."""
        for part in (*state.keys, *state.values):
            part[:, :, : state.length] = part[rows, :, : state.length]

    def _run(self, x: Tensor, state: State) -> Tensor:
        net, (n, t, width) = self.net, x.shape
        begin, state.length = state.length, state.length + t
        places = slice(state.prefix.first + begin, state.prefix.first + state.length)
        if net.places is not None:
            x = x + net.places.weight[places]
        mask = visible(begin, state.length, state.prefix.present, x.device)
        x = F.rms_norm(x, (width,)).view(n * t, width)
        for block, keys, values in zip(self.blocks, state.keys, state.values, strict=True):
            x = self._attention(x, block, keys, values, slice(begin, state.length), self.turn[places], mask)
            x = self._perceptron(x, block)
        logits = F.linear(F.rms_norm(x.view(n, t, width)[:, -1], (width,)), net.head.weight)
        return 15 * torch.tanh(logits / 15)

    def _attention(
        self,
        x: Tensor,
        block: tuple[IntegerMatrix, ...],
        keys: Tensor,
        values: Tensor,
        new: slice,
        turn: Tensor,
        mask: Tensor | None,
    ) -> Tensor:
        """Add the attention's output to rows (B t, width), and the new tokens to the caches."""
        n, t, (heads, size) = len(keys), len(turn), (keys.shape[1], keys.shape[3])
        qkv, factor = block[0](x)
        factor = factor / torch.linalg.vector_norm(x, dim=1, keepdim=True)
        qkv = qkv.view(n, t, 3, heads, size)
        turned = torch.view_as_complex(qkv[:, :, :2].unflatten(4, (-1, 2))) * turn[:, None, None]
        qk = torch.view_as_real(turned).flatten(4)
        qk = (qk / torch.linalg.vector_norm(qk, dim=4, keepdim=True)).transpose(1, 3)  # (B, H, 2, t, D)
        keys[:, :, new] = qk[:, :, 1]
        torch.mul(qkv[:, :, 2].transpose(1, 2), factor.view(n, 1, t, 1), out=values[:, :, new])
        causal = mask is None and t > 1
        attended = F.scaled_dot_product_attention(
            qk[:, :, 0], keys[:, :, : new.stop], values[:, :, : new.stop], mask, is_causal=causal, scale=size**0.5
        )
        out, factor = block[1](attended.transpose(1, 2).reshape(n * t, -1))
        return torch.addcmul(x, out, factor, value=x.shape[1] ** 0.5)  # the factor that the norm of x lacked

    def _perceptron(self, x: Tensor, block: tuple[IntegerMatrix, ...]) -> Tensor:
        """Add the perceptron's output to rows (B t, width)."""
        h, inner = block[2](x)
        inner = inner / torch.linalg.vector_norm(x, dim=1, keepdim=True)
        out, outer = block[3](h.relu_().square_())
        return torch.addcmul(x, out, outer * inner.square_(), value=x.shape[1])


def _matrices(block: TransformerBlock) -> tuple[IntegerMatrix, ...]:
    """Return the matrices of a block: queries, keys and values; the attention's output; the perceptron's two.

    Channels of queries and keys that are rotated together are put side by side, as complex numbers.
    """
    attention, width = block.attention, block.inner.in_features
    indices = torch.arange(3 * width).view(3, attention.heads, 2, -1)
    order = torch.cat([indices[:2].transpose(2, 3).reshape(-1), indices[2].reshape(-1)])
    return (
        IntegerMatrix(attention.qkv.weight, order),
        *(IntegerMatrix(layer.weight) for layer in (attention.out, block.inner, block.outer)),
    )
