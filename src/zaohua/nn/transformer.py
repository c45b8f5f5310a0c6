"""Causal transformer: from tokens to logits of the next token, for all tokens at once or step by step.

`architecture="modern"` follows current small language models: rotary positions (Su et al. 2021, arXiv 2104.09864),
RMSNorm before each sublayer (Zhang & Sennrich 2019, arXiv 1910.07467), normalised queries and keys (Henry et al. 2020,
arXiv 2010.04245), squared ReLU (So et al. 2021, arXiv 2109.08668), sublayers that are zero at first, no biases.
`architecture="gpt2"` is Radford et al. 2019: learnt positions, LayerNorm, GELU, biases, tied token embeddings.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.errors import ZaohuaError
from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.nn.embed import Embed, packed
from zaohua.nn.layers import Dropout, attend
from zaohua.nn.patches import MAX_TOKENS

Architecture = Literal["modern", "gpt2"]


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


class SelfAttention(nn.Module):
    """Causal multi-head self-attention."""

    def __init__(self, width: int, heads: int, dropout: float, modern: bool) -> None:
        super().__init__()
        self.heads, self.modern = heads, modern
        self.dropout = (
            0.0 if modern else dropout
        )  # of attention weights: costs half a step, and helps less than the others
        self.qkv = nn.Linear(width, 3 * width, bias=not modern)
        self.out = nn.Linear(width, width, bias=not modern)

    def forward(
        self, x: Tensor, turn: tuple[Tensor, Tensor] | None, mask: Tensor | None, cache: Cache | None = None
    ) -> Tensor:
        """Map x (B, t, width), with cosines and sines of rotary positions (t, D / 2), to (B, t, width).

        A mask says what each token sees; None if all see those before them.
        """
        n, t, width = x.shape
        qkv = self.qkv(x).view(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        qk, v = qkv[:2], qkv[2]
        q, k = qk if turn is None else rotate(F.rms_norm(qk, qk.shape[-1:]), *turn)
        if cache is not None:
            k, v = cache.append(k, v)
        dropout = self.dropout if self.training else 0.0
        values = attend(q, k, v, mask, dropout=dropout, causal=t > 1 and mask is None)
        out: Tensor = self.out(values.transpose(1, 2).reshape(n, t, width))
        return out


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate pairs of channels of x (..., t, D) by angles that grow with the position; cos, sin (t, D / 2)."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


class TransformerBlock(nn.Module):
    """Transformer block: attention and a perceptron, each with a residual connection."""

    def __init__(self, width: int, heads: int, dropout: float, modern: bool) -> None:
        super().__init__()
        self.modern = modern
        self.norm1, self.norm2 = (Norm(width, modern) for _ in range(2))
        self.attention = SelfAttention(width, heads, dropout, modern)
        self.inner = nn.Linear(width, 4 * width, bias=not modern)
        self.outer = nn.Linear(4 * width, width, bias=not modern)
        self.drop = Dropout(dropout)

    def forward(
        self, x: Tensor, turn: tuple[Tensor, Tensor] | None, mask: Tensor | None, cache: Cache | None = None
    ) -> Tensor:
        """Map (B, t, width) to the same shape."""
        x = x + self.drop(self.attention(self.norm1(x), turn, mask, cache))
        h = self.inner(self.norm2(x))
        h = F.relu(h).square() if self.modern else F.gelu(h)
        out: Tensor = x + self.drop(self.outer(h))
        return out


class Norm(nn.Module):
    """RMSNorm without parameters, or LayerNorm with parameters."""

    def __init__(self, width: int, modern: bool) -> None:
        super().__init__()
        self.shape = (width,)
        self.weight = None if modern else nn.Parameter(torch.ones(width))
        self.bias = None if modern else nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., width) to the same shape."""
        if self.weight is None:
            return F.rms_norm(x, self.shape)
        return F.layer_norm(x, self.shape, self.weight, self.bias)


class Transformer(nn.Module):
    """Causal transformer: logits of each next token, given the tokens before it and a condition.

    Args:
        vocabulary: number of tokens.
        y_spec: description of the condition, whose tokens precede the sequence; None for an unconditional network.
        context: maximum number of tokens.
        width: number of channels.
        layers: number of blocks.
        heads: number of attention heads; must divide the width.
        dropout: dropout probability.
        architecture: "modern" or "gpt2"; see the module.
        places: True to learn positions in the modern architecture too, as images need, whose neighbouring pixels are
            far apart in the sequence.

    Raises:
        ZaohuaError: the heads don't divide the width.
    """

    def __init__(
        self,
        vocabulary: int,
        y_spec: DataSpec | None = None,
        *,
        context: int,
        width: int = 256,
        layers: int = 6,
        heads: int = 4,
        dropout: float = 0.0,
        architecture: Architecture = "modern",
        places: bool = False,
    ) -> None:
        super().__init__()
        if width % (2 * heads):
            raise ZaohuaError(f"a width of {width} can't be split into {heads} heads of an even size")
        modern = architecture == "modern"
        self.modern, self.context, self.width, self.heads = modern, context, width, heads
        self.room = context + (0 if y_spec is None else MAX_TOKENS)
        self.tokens = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(self.room, width) if places or not modern else None
        self.embed = Embed(y_spec, width)
        self.lift = nn.Linear(width, width, bias=False) if self.embed.several else None
        self.blocks = nn.ModuleList(TransformerBlock(width, heads, dropout, modern) for _ in range(layers))
        self.norm = Norm(width, modern)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.drop = Dropout(dropout)
        angles = torch.arange(self.room)[:, None] * 1e4 ** -torch.linspace(0, 1, width // heads // 2)
        self.cos: Tensor
        self.sin: Tensor
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        self._init(layers)

    def _init(self, layers: int) -> None:
        """Initialise the parameters.

        Modern: unit variance in the forward pass; last layers of sublayers and the head are zero. GPT-2: N(0, 0.02^2),
        with a smaller deviation for the last layers of sublayers.
        """
        for name, p in self.named_parameters():
            if name.startswith("embed."):
                continue
            last = name.endswith(("out.weight", "outer.weight"))
            if p.ndim < 2:
                nn.init.constant_(p, float("norm" in name and name.endswith("weight")))
            elif self.modern:
                std = 0.0 if last or name == "head.weight" else 1.0 if name == "tokens.weight" else p.shape[1] ** -0.5
                nn.init.normal_(p, std=std)
            else:
                nn.init.normal_(p, std=0.02 / (math.sqrt(2 * layers) if last else 1.0))
        if not self.modern:
            self.head.weight = self.tokens.weight

    def forward(self, tokens: Tensor, y: Condition | None = None, keep: Tensor | None = None) -> Tensor:
        """Map tokens (B, t), conditions y and their mask to logits float32 (B, t, vocabulary)."""
        prefix = self.prefix(y, tokens.shape[0], keep)
        x = self.embedded(tokens, prefix)
        if prefix.values.shape[1]:
            x = torch.cat([prefix.values.to(x.dtype), x], dim=1)
        return self._run(x, prefix)[:, prefix.values.shape[1] :]

    def prefix(self, y: Condition | None, n: int, keep: Tensor | None = None) -> Prefix:
        """Embed n conditions as the tokens that precede sequences, at most `MAX_TOKENS`."""
        values, present, summary = self.embed(y, n, keep)
        if self.lift is None:
            return Prefix(values, None, 0)
        values, present = packed(values, present, MAX_TOKENS)
        return Prefix(values, present, MAX_TOKENS - values.shape[1], self.lift(summary).unsqueeze(1))

    def embedded(self, tokens: Tensor, prefix: Prefix) -> Tensor:
        """Embed tokens (B, t), and add the summary of the prefix to each, so that it is seen without attention."""
        x: Tensor = self.tokens(tokens)
        return x if prefix.summary is None else x + prefix.summary.to(x.dtype)

    def start(self, n: int, y: Condition | None = None, keep: Tensor | None = None) -> list[Cache]:
        """Return the initial state for n sequences: caches that hold their conditions."""
        prefix = self.prefix(y, n, keep)
        shape = (n, self.heads, self.room, self.width // self.heads)
        state = [Cache(shape, self.tokens.weight, prefix) for _ in self.blocks]
        if prefix.values.shape[1]:
            self._run(prefix.values.to(self.tokens.weight.dtype), prefix, state)
        return state

    def step(self, tokens: Tensor, state: list[Cache]) -> Tensor:
        """Add the next tokens, int (B, t), to the state; return logits of the token after them, float32 (B, V)."""
        return self._run(self.embedded(tokens, state[0].prefix), state[0].prefix, state, last=True)[:, 0]

    def steps(self, tokens: Tensor, state: list[Cache]) -> Tensor:
        """Add tokens as `step` does, but return the logits after each of them, (B, t, V)."""
        return self._run(self.embedded(tokens, state[0].prefix), state[0].prefix, state)

    def rewind(self, state: list[Cache], n: int) -> None:
        """Remove the last n tokens from the state."""
        for cache in state:
            cache.length -= n

    def select(self, state: list[Cache], rows: Tensor) -> None:
        """Replace each row of the state by that at its index in `rows`, (B,), which has the same condition."""
        for cache in state:
            cache.select(rows)

    def _run(self, x: Tensor, prefix: Prefix, state: list[Cache] | None = None, last: bool = False) -> Tensor:
        """Map the next embedded tokens (B, t, width) to logits of all of them, or of the last only."""
        begin, t = 0 if state is None else state[0].length, x.shape[1]
        places = slice(prefix.first + begin, prefix.first + begin + t)
        turn = (self.cos[places].to(x.dtype), self.sin[places].to(x.dtype)) if self.modern else None
        if self.places is not None:
            x = x + self.places.weight[places]
        x = self.drop(F.rms_norm(x, (self.width,)) if self.modern else x)
        mask = visible(begin, begin + t, prefix.present, x.device)
        for i, block in enumerate(self.blocks):
            x = block(x, turn, mask, None if state is None else state[i])
        logits = self.head(self.norm(x[:, -1:] if last else x)).float()
        return 15 * torch.tanh(logits / 15) if self.modern else logits


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
