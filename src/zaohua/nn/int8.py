"""Networks in 8-bit integers; the modern transformer, step by step, in as few operations as there can be.

The products of a small network take less time than starting the operations around them, so those are saved wherever a
factor of a whole row can wait: what a norm divides by commutes with the matrix behind it, with relu(.)^2 as a square,
and with the rounding to integers, and nothing of it reaches queries and keys, which are normalised anyway.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.errors import ZaohuaError
from zaohua.nn.embed import MAX_TOKENS
from zaohua.nn.integers import Int8Linear, IntegerMatrix
from zaohua.nn.transformer import Transformer, TransformerBlock


def int8(net: nn.Module, least: int = 1 << 16) -> nn.Module | Int8Transformer:
    """A network for inference that computes what another does, whose larger matrices are of 8-bit integers.

    A modern transformer's is one of its own, which only decodes; others are copied, with other linear layers.

    Args:
        net: the network; it is not changed.
        least: linear layers of fewer weights stay as they are.

    Raises:
        ZaohuaError: the network is not on a CPU.
    """
    if next(net.parameters()).device.type != "cpu":
        raise ZaohuaError("int8 is for CPUs: leave it out, or move the model there (device='cpu')")
    if isinstance(net, Transformer) and net.modern and net.width**2 >= least:
        return Int8Transformer(net)
    net = copy.deepcopy(net)
    for parent in list(net.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.Linear) and child.weight.numel() >= least:
                setattr(parent, name, Int8Linear(child))
    return net


@dataclass
class State:
    """Keys and values that each block has seen, (B, H, room, D), of which `length` are filled."""

    keys: list[Tensor]
    values: list[Tensor]
    length: int = 0


class Int8Transformer:
    """A decoder (see `families.autoregressive.decoding`) that computes to about 1 % what a modern transformer does.

    Args:
        net: the transformer; it is not changed.
    """

    def __init__(self, net: Transformer) -> None:
        self.net = net
        self.blocks = [_matrices(block) for block in net.blocks if isinstance(block, TransformerBlock)]
        self.turn = torch.complex(net.cos, net.sin)

    def start(self, n: int, y: Tensor | None = None, keep: Tensor | None = None) -> State:
        """The state before the first token, for n sequences, with their conditions taken up."""
        net = self.net
        shape = (n, net.heads, net.room, net.width // net.heads)
        keys, values = ([net.cos.new_empty(shape) for _ in self.blocks] for _ in range(2))
        state = State(keys, values)
        prefix = net.embed(y, n, keep).values[:, :MAX_TOKENS]
        if prefix.shape[1]:
            self._run(prefix, state)
        return state

    def step(self, tokens: Tensor, state: State) -> Tensor:
        """Next tokens int (B, t), which the state takes up -> logits float32 of what follows the last, (B, V)."""
        return self._run(self.net.tokens(tokens), state)

    def rewind(self, state: State, n: int) -> None:
        """Takes the last n tokens back."""
        state.length -= n

    def _run(self, x: Tensor, state: State) -> Tensor:
        net, (n, t, width) = self.net, x.shape
        begin, state.length = state.length, state.length + t
        if net.places is not None:
            x = x + net.places.weight[begin : state.length]
        x = F.rms_norm(x, (width,)).view(n * t, width)
        for block, keys, values in zip(self.blocks, state.keys, state.values, strict=True):
            x = self._attention(x, block, keys, values, begin, state.length)
            x = self._perceptron(x, block)
        logits = F.linear(F.rms_norm(x.view(n, t, width)[:, -1], (width,)), net.head.weight)
        return 15 * torch.tanh(logits / 15)

    def _attention(
        self, x: Tensor, block: tuple[IntegerMatrix, ...], keys: Tensor, values: Tensor, begin: int, end: int
    ) -> Tensor:
        """Rows (B t, width) with what they see added; tokens begin ... end - 1 are taken up."""
        n, t, (heads, size) = len(keys), end - begin, (keys.shape[1], keys.shape[3])
        qkv, factor = block[0](x)
        factor = factor / torch.linalg.vector_norm(x, dim=1, keepdim=True)
        qkv = qkv.view(n, t, 3, heads, size)
        turned = torch.view_as_complex(qkv[:, :, :2].unflatten(4, (-1, 2))) * self.turn[begin:end, None, None]
        qk = torch.view_as_real(turned).flatten(4)
        qk = (qk / torch.linalg.vector_norm(qk, dim=4, keepdim=True)).transpose(1, 3)  # (B, H, 2, t, D)
        keys[:, :, begin:end] = qk[:, :, 1]
        torch.mul(qkv[:, :, 2].transpose(1, 2), factor.view(n, 1, t, 1), out=values[:, :, begin:end])
        mask = torch.ones(t, end, dtype=torch.bool).tril(begin) if t > 1 else None
        seen = F.scaled_dot_product_attention(qk[:, :, 0], keys[:, :, :end], values[:, :, :end], mask, scale=size**0.5)
        out, factor = block[1](seen.transpose(1, 2).reshape(n * t, -1))
        return torch.addcmul(x, out, factor, value=x.shape[1] ** 0.5)  # what the norm of x lacked

    def _perceptron(self, x: Tensor, block: tuple[IntegerMatrix, ...]) -> Tensor:
        """Rows (B t, width) with what the perceptron makes of them added."""
        h, inner = block[2](x)
        inner = inner / torch.linalg.vector_norm(x, dim=1, keepdim=True)
        out, outer = block[3](h.relu_().square_())
        return torch.addcmul(x, out, outer * inner.square_(), value=x.shape[1])


def _matrices(block: TransformerBlock) -> tuple[IntegerMatrix, ...]:
    """Of queries, keys and values, of what is seen, and the perceptron's two.

    Channels of queries and keys that are turned together stand side by side, where they are complex numbers.
    """
    attention, width = block.attention, block.inner.in_features
    places = torch.arange(3 * width).view(3, attention.heads, 2, -1)
    order = torch.cat([places[:2].transpose(2, 3).reshape(-1), places[2].reshape(-1)])
    return (
        IntegerMatrix(attention.qkv.weight, order),
        *(IntegerMatrix(layer.weight) for layer in (attention.out, block.inner, block.outer)),
    )
