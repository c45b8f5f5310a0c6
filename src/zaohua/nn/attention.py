"""Causal self-attention: heads in groups, normalised or turned queries, windows, and the cache of a decoder."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.nn.blueprint import Blueprint
from zaohua.nn.layers import attend, capped
from zaohua.nn.rotary import Turn, rotate


class View(NamedTuple):
    """Angles of tokens, and what each of them sees; None where they aren't turned, and see all before them."""

    turn: Turn | None
    mask: Tensor | None


class Prefix(NamedTuple):
    """Tokens of conditions, which precede the sequences; shorter ones are padded on the left.

    Attributes:
        values: the tokens, (B, P, width).
        present: which of them are there, bool (B, P); None for all.
        first: position of the first of them. The sequence begins at the same position whatever the conditions are.
        summary: what is added to every token of the sequences, (B, 1, width); None for nothing.
    """

    values: Tensor
    present: Tensor | None
    first: int
    summary: Tensor | None = None


class Ahead(NamedTuple):
    """Where the next tokens of rows are.

    Attributes:
        places: their positions: the same in all rows, or those of each, (B, t).
        mask: what they see; None for all before them.
        near: what they see within a window.
    """

    places: slice | Tensor
    mask: Tensor | None
    near: Tensor | None


class KeyValues(Protocol):
    """Cache of an attention layer."""

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Append keys and values (B, H, t, D); return all keys and values so far."""
        ...


class Cache:
    """Key-value cache of an attention layer: keys and values (B, H, room, D), of which `length` are filled."""

    def __init__(self, shape: tuple[int, int, int, int], like: Tensor, prefix: Prefix) -> None:
        self.keys, self.values = like.new_empty(shape), like.new_empty(shape)
        self.length = 0
        self.prefix = prefix

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Append keys and values (B, H, t, D); return all keys and values so far."""
        start, self.length = self.length, self.length + k.shape[2]
        self.keys[:, :, start : self.length] = k
        self.values[:, :, start : self.length] = v
        return self.keys[:, :, : self.length], self.values[:, :, : self.length]

    def select(self, rows: Tensor) -> None:
        """Replace each row by that at its index in `rows`, (B,); their conditions must be the same."""
        for part in (self.keys, self.values):
            part[:, :, : self.length] = part[rows, :, : self.length]


class Norm(nn.Module):
    """RMSNorm or LayerNorm over the last axis, with or without weights and biases.

    Args:
        width: number of channels.
        blueprint: which of them.
        weight: the norm's weights, if other than the blueprint says.
    """

    def __init__(self, width: int, blueprint: Blueprint, weight: str | None = None) -> None:
        super().__init__()
        kind = weight or blueprint.norm_weight
        self.shape, self.eps = (width,), blueprint.norm_eps
        self.layer, self.added = blueprint.norm == "layer", float(kind == "plus_one")
        self.weight = None if kind == "none" else nn.Parameter(torch.ones(width) - self.added)
        self.bias = nn.Parameter(torch.zeros(width)) if blueprint.norm_bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., width) to the same shape."""
        weight = self.weight + 1 if self.added and self.weight is not None else self.weight
        if self.layer:
            return F.layer_norm(x, self.shape, weight, self.bias, self.eps or 1e-5)
        return F.rms_norm(x, self.shape, weight, self.eps)


class SelfAttention(nn.Module):
    """Causal self-attention of several heads, in groups that share keys and values."""

    def __init__(self, width: int, heads: int, dropout: float, blueprint: Blueprint, layer: int = 0) -> None:
        super().__init__()
        self.heads, self.kv_heads = heads, blueprint.kv_heads or heads
        self.size = blueprint.head_width or width // heads
        self.scale, self.cap = blueprint.attention_scale, blueprint.attention_cap
        self.turned = blueprint.rotary and layer not in blueprint.unturned
        # dropout of attention weights costs half a step, and helps less than the others
        self.dropout = dropout if blueprint.attention_dropout else 0.0
        self.qkv = nn.Linear(width, (heads + 2 * self.kv_heads) * self.size, bias=blueprint.qkv_bias)
        self.out = nn.Linear(heads * self.size, width, bias=blueprint.out_bias)
        self.qk_norm, self.eps = blueprint.qk_norm, blueprint.norm_eps
        self.norm_q, self.norm_k = None, None
        if self.qk_norm != "none" and (self.qk_norm == "all" or blueprint.qk_norm_weight != "none"):
            times = (heads, self.kv_heads) if self.qk_norm == "all" else (1, 1)
            self.norm_q, self.norm_k = (Norm(n * self.size, blueprint, blueprint.qk_norm_weight) for n in times)

    def forward(self, x: Tensor, turn: Turn | None, mask: Tensor | None, cache: KeyValues | None = None) -> Tensor:
        """Map x (B, t, width), with the cosines and sines of its positions, to (B, t, width).

        A mask says what each token sees; None if all see those before them.
        """
        n, t = x.shape[:2]
        q, k, v = self._projected(x, turn)
        if cache is not None:
            k, v = cache.append(k, v)
        dropout = self.dropout if self.training else 0.0
        causal = t > 1 and mask is None
        values = attend(q, k, v, mask, dropout=dropout, causal=causal, scale=self.scale, cap=self.cap)
        out: Tensor = self.out(values.transpose(1, 2).reshape(n, t, -1))
        return out

    def weights(self, x: Tensor, turn: Turn | None, mask: Tensor | None) -> Tensor:
        """Return how much each token of x (B, t, width) looks at each other, (B, heads, t, t); each row sums to 1."""
        q, k, _ = self._projected(x, turn)
        k = k.repeat_interleave(self.heads // self.kv_heads, dim=1)
        scores = capped((self.scale or q.shape[-1] ** -0.5) * (q @ k.transpose(2, 3)).float(), self.cap)
        seen = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril() if mask is None else mask
        return scores.masked_fill(~seen, -torch.inf).softmax(-1)

    def _projected(self, x: Tensor, turn: Turn | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values of x (B, t, width), (B, heads, t, size) each."""
        n, t = x.shape[:2]
        qkv, both = self.qkv(x), self.heads + self.kv_heads
        if self.qk_norm == "all" and self.norm_q is not None and self.norm_k is not None:
            q, k, v = qkv.split([n * self.size for n in (self.heads, self.kv_heads, self.kv_heads)], dim=-1)
            qkv = torch.cat([self.norm_q(q), self.norm_k(k), v], dim=-1)
        qkv = qkv.view(n, t, both + self.kv_heads, self.size).transpose(1, 2)
        qk, v = qkv[:, :both], qkv[:, both:]
        if self.qk_norm == "head":
            qk = self._normalised(qk)
        if turn is not None and self.turned:
            qk = rotate(qk, *turn)
        return qk[:, : self.heads], qk[:, self.heads :], v

    def _normalised(self, qk: Tensor) -> Tensor:
        """Normalise queries and keys (B, H, t, D), each head by itself."""
        if self.norm_q is None or self.norm_k is None:
            return F.rms_norm(qk, qk.shape[-1:], eps=self.eps)
        return torch.cat([self.norm_q(qk[:, : self.heads]), self.norm_k(qk[:, self.heads :])], dim=1)


def visible(begin: int, end: int, present: Tensor | None, device: torch.device) -> Tensor | None:
    """Return which of the tokens 0 ... end - 1 the tokens begin ... end - 1 see: those before them and themselves.

    Args:
        begin: the first token that looks.
        end: the number of tokens.
        present: of the first P tokens, which are there, bool (B, P); padding is seen by itself only, so that its
            attention is defined. None if all are.
        device: device of the mask.

    Returns:
        bool (B, 1, end - begin, end) or (end - begin, end); None where no mask is needed, because there is one token,
        or because all tokens look.
    """
    if present is None:
        if begin == 0 or end - begin == 1:
            return None
        return torch.ones(end - begin, end, dtype=torch.bool, device=device).tril(begin)
    mask = torch.ones(end - begin, end, dtype=torch.bool, device=device).tril(begin)
    there = F.pad(present, (0, end - present.shape[1]), value=True)[:, None, None]
    oneself = torch.eye(end, dtype=torch.bool, device=device)[begin:]
    return mask & there | oneself


def within(window: int, begin: int, end: int, mask: Tensor | None, device: torch.device) -> Tensor | None:
    """Narrow a mask of `visible` to a window: each token sees itself and those less than `window` before it."""
    if not torch.compiler.is_compiling() and end <= window:  # an exported network may read more later
        return mask
    at = torch.arange(end, device=device)
    near = at[begin:, None] - at < window
    if mask is None:
        mask = torch.ones(end - begin, end, dtype=torch.bool, device=device).tril(begin)
    return mask & near
