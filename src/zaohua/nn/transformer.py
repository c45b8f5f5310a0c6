"""Causal transformer: from tokens to logits of the next token, for all tokens at once or step by step.

Which transformer it is, of the many that differ in norms, positions and perceptrons, is told by its `Blueprint`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from zaohua.core.errors import ZaohuaError
from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.nn.attention import Ahead, Cache, KeyValues, Norm, Prefix, SelfAttention, View, visible, within
from zaohua.nn.blueprint import NAMED, Activation, Blueprint
from zaohua.nn.embed import Embed, packed
from zaohua.nn.layers import Dropout, capped
from zaohua.nn.packing import positions_of, same_sequence
from zaohua.nn.patches import MAX_TOKENS
from zaohua.nn.rotary import Turn, angles
from zaohua.nn.slots import Slots

Architecture = Literal["zaohua", "gpt2", "llama"]
ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "relu2": lambda x: F.relu(x).square(),
}


class TransformerBlock(nn.Module):
    """Transformer block: attention and a perceptron, each with a residual connection."""

    def __init__(self, width: int, heads: int, dropout: float, blueprint: Blueprint, layer: int = 0) -> None:
        super().__init__()
        before, after = (blueprint.norm_places in (place, "both") for place in ("before", "after"))
        self.parallel, self.scale = blueprint.parallel, blueprint.residual_scale
        self.norm1, self.norm2 = (Norm(width, blueprint) if before else nn.Identity() for _ in range(2))
        self.attention = SelfAttention(width, heads, dropout, blueprint, layer)
        inner = blueprint.inner_of(width)
        self.inner = nn.Linear(width, inner, bias=blueprint.mlp_bias)
        self.gate = nn.Linear(width, inner, bias=blueprint.mlp_bias) if blueprint.gated else None
        self.outer = nn.Linear(inner, width, bias=blueprint.mlp_bias)
        self.after1, self.after2 = (Norm(width, blueprint) if after else None for _ in range(2))
        self.drop = Dropout(dropout)
        self.activation = blueprint.activation

    def forward(self, x: Tensor, turn: Turn | None, mask: Tensor | None, cache: KeyValues | None = None) -> Tensor:
        """Map (B, t, width) to the same shape."""
        attended = self._added(x, self.attention(self.norm1(x), turn, mask, cache), self.after1)
        read = x if self.parallel else attended
        return self._added(attended, self._perceptron(self.norm2(read)), self.after2)

    def looks(self, x: Tensor, turn: Turn | None, mask: Tensor | None) -> Tensor:
        """Return the weights of attention among tokens (B, t, width), (B, heads, t, t)."""
        return self.attention.weights(self.norm1(x), turn, mask)

    def _perceptron(self, x: Tensor) -> Tensor:
        """Map (B, t, width) to the same shape, each token by itself."""
        activate = ACTIVATIONS[self.activation]
        h = activate(self.inner(x)) if self.gate is None else activate(self.gate(x)) * self.inner(x)
        out: Tensor = self.outer(h)
        return out

    def _added(self, x: Tensor, new: Tensor, norm: Norm | None) -> Tensor:
        """Add the output of a sublayer to its input."""
        new = self.drop(new if norm is None else norm(new))
        return x + (new if self.scale == 1 else self.scale * new)


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
        architecture: "zaohua", "gpt2", "llama", or any other `Blueprint`.
        places: True to learn positions in any architecture, as images need, whose neighbouring pixels are far apart in
            the sequence.
        gradient_checkpointing: True to keep only the inputs of blocks for the backward pass, which computes the rest
            again: about a third more time, and far less memory.

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
        architecture: Architecture | Blueprint = "zaohua",
        places: bool = False,
        gradient_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        blueprint = architecture if isinstance(architecture, Blueprint) else NAMED[architecture]
        if blueprint.head_width is None and width % (2 * heads):
            raise ZaohuaError(f"a width of {width} can't be split into {heads} heads of an even size")
        if heads % (blueprint.kv_heads or heads):
            raise ZaohuaError(f"{heads} heads can't be divided among {blueprint.kv_heads} of keys and values")
        self.blueprint = dataclasses.replace(blueprint, positions=True) if places else blueprint
        self.context, self.width, self.heads = context, width, heads
        self.gradient_checkpointing = gradient_checkpointing
        self.head_width = blueprint.head_width or width // heads
        self.room = context + (0 if y_spec is None else MAX_TOKENS)
        self.tokens = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(self.room, width) if self.blueprint.positions else None
        self.embed = Embed(y_spec, width)
        self.lift = nn.Linear(width, width, bias=False) if self.embed.several else None
        self.blocks = nn.ModuleList(TransformerBlock(width, heads, dropout, blueprint, i) for i in range(layers))
        self.windowed = [blueprint.window_of(i) is not None for i in range(layers)]
        self.norm = Norm(width, blueprint)
        self.head = nn.Linear(width, vocabulary, bias=blueprint.head_bias)
        self.drop = Dropout(dropout)
        self._make_angles()
        self._init(layers)

    def _make_angles(self) -> None:
        """Compute the angles of all positions, and of layers with angles of their own."""
        for name, local in (("", False), ("_local", True)):
            if self.blueprint.rotary and (not local or self.blueprint.rotary_local is not None):
                turn = angles(self.blueprint, self.head_width, self.room, local)
                self.register_buffer(f"cos{name}", turn.cos, persistent=False)
                self.register_buffer(f"sin{name}", turn.sin, persistent=False)

    cos: Tensor
    sin: Tensor
    cos_local: Tensor
    sin_local: Tensor

    def _init(self, layers: int) -> None:
        """Initialise the parameters.

        Where norms have no weights: unit variance in the forward pass; last layers of sublayers and the head are zero.
        Otherwise N(0, 0.02^2) as in GPT-2, with a smaller deviation for the last layers of sublayers.
        """
        scaled = self.blueprint.norm_weight != "none"
        for name, p in self.named_parameters():
            last = name.endswith(("out.weight", "outer.weight"))
            if name.startswith("embed.") or (p.ndim < 2 and "bias" not in name):
                continue
            if p.ndim < 2:
                nn.init.zeros_(p)
            elif scaled:
                nn.init.normal_(p, std=0.02 / (math.sqrt(2 * layers) if last else 1.0))
            else:
                std = 0.0 if last or name == "head.weight" else 1.0 if name == "tokens.weight" else p.shape[1] ** -0.5
                nn.init.normal_(p, std=std)
        if self.blueprint.tied:
            self.head.weight = self.tokens.weight

    def forward(self, tokens: Tensor, y: Condition | None = None, keep: Tensor | None = None) -> Tensor:
        """Map tokens (B, t), conditions y and their mask to logits float32 (B, t, vocabulary)."""
        return self.logits(self.features(tokens, y, keep))

    def packed_features(self, tokens: Tensor, segments: Tensor) -> Tensor:
        """Map packed rows of tokens (B, t), see `packing`, to features (B, t, width), without conditions."""
        prefix = self.prefix(None, tokens.shape[0])
        return self._run(self.embedded(tokens, prefix), prefix, segments=segments)

    def features(self, tokens: Tensor, y: Condition | None = None, keep: Tensor | None = None) -> Tensor:
        """Map tokens (B, t), conditions y and their mask to features (B, t, width), of which `logits` are made."""
        prefix = self.prefix(y, tokens.shape[0], keep)
        x = self.embedded(tokens, prefix)
        if prefix.values.shape[1]:
            x = torch.cat([prefix.values.to(x.dtype), x], dim=1)
        return self._run(x, prefix)[:, prefix.values.shape[1] :]

    def attention(self, tokens: Tensor, y: Condition | None = None) -> list[Tensor]:
        """Return how much each token (B, t) looks at each before it, (B, heads, P + t, P + t) of each block.

        The P tokens of the condition come first.
        """
        prefix, looks = self.prefix(y, tokens.shape[0]), list[Tensor]()
        x = self.embedded(tokens, prefix)
        self._run(torch.cat([prefix.values.to(x.dtype), x], dim=1), prefix, looks=looks)
        return looks

    def logits(self, features: Tensor) -> Tensor:
        """Map features (..., width) to logits of the next token, float32 (..., vocabulary)."""
        logits = self.head(self.norm(features)).float()
        if self.blueprint.logit_scale != 1:
            logits = logits * self.blueprint.logit_scale
        return capped(logits, self.blueprint.logit_cap)

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
        if self.blueprint.embedding_scale != 1:
            x = x * self.blueprint.embedding_scale
        return x if prefix.summary is None else x + prefix.summary.to(x.dtype)

    def start(self, n: int, y: Condition | None = None, keep: Tensor | None = None) -> list[Cache]:
        """Return the initial state for n sequences: caches that hold their conditions."""
        prefix = self.prefix(y, n, keep)
        like = self.tokens.weight
        state = [Cache((n, *self._cached), like, prefix) for _ in self.blocks]
        if prefix.values.shape[1]:
            self._run(prefix.values.to(like.dtype), prefix, state)
        return state

    @property
    def _cached(self) -> tuple[int, int, int]:
        """Shape of a row's keys in one layer: heads, tokens, channels of a head."""
        return self.blueprint.kv_heads or self.heads, self.room, self.head_width

    def slots(self) -> Slots:
        """Return a state without rows, which join and leave one by one, and of which `step` reads a token each."""
        return Slots(len(self.blocks), self._cached, self.tokens.weight)

    def step(self, tokens: Tensor, state: list[Cache] | Slots) -> Tensor:
        """Add the next tokens, int (B, t), to the state; return logits of the token after them, float32 (B, V)."""
        features = self._run(self.embedded(tokens, state[0].prefix), state[0].prefix, state)
        return self.logits(features[:, -1])

    def steps(self, tokens: Tensor, state: list[Cache]) -> Tensor:
        """Add tokens as `step` does, but return the logits after each of them, (B, t, V)."""
        return self.logits(self._run(self.embedded(tokens, state[0].prefix), state[0].prefix, state))

    def rewind(self, state: list[Cache], n: int) -> None:
        """Remove the last n tokens from the state."""
        for cache in state:
            cache.length -= n

    def select(self, state: list[Cache], rows: Tensor) -> None:
        """Replace each row of the state by that at its index in `rows`, (B,), which has the same condition."""
        for cache in state:
            cache.select(rows)

    def _run(
        self,
        x: Tensor,
        prefix: Prefix,
        state: list[Cache] | Slots | None = None,
        segments: Tensor | None = None,
        looks: list[Tensor] | None = None,
    ) -> Tensor:
        """Map the next embedded tokens (B, t, width) to their features; add the weights of attention to `looks`."""
        blueprint, ahead = self.blueprint, self._ahead(x, prefix, state, segments)
        if self.places is not None:
            x = x + self.places.weight[ahead.places]
        x = self.drop(F.rms_norm(x, (self.width,), eps=blueprint.norm_eps) if blueprint.embedding_norm else x)
        view = self._view(ahead, x)
        for i, block in enumerate(self.blocks):
            turn, mask = view[self.windowed[i]]
            if looks is not None:
                looks.append(cast(TransformerBlock, block).looks(x, turn, mask))
            if self.gradient_checkpointing and self.training and torch.is_grad_enabled():
                x = checkpoint(block, x, turn, mask, use_reentrant=False)
            else:
                x = block(x, turn, mask, None if state is None else state[i])
        return x

    def _ahead(self, x: Tensor, prefix: Prefix, state: list[Cache] | Slots | None, segments: Tensor | None) -> Ahead:
        """Return where the next tokens (B, t, width) are, and what they see."""
        window, t = self.blueprint.window, x.shape[1]
        if isinstance(state, Slots):
            return state.rows.ahead(window)
        begin = 0 if state is None else state[0].length
        places: slice | Tensor = slice(prefix.first + begin, prefix.first + begin + t)
        mask = visible(begin, begin + t, prefix.present, x.device)
        if segments is not None:
            places, mask = positions_of(segments), same_sequence(segments)
        return Ahead(places, mask, mask if window is None else within(window, begin, begin + t, mask, x.device))

    def _view(self, ahead: Ahead, x: Tensor) -> tuple[View, View]:
        """Return what tokens see, and how they are turned: without a window, and within it."""
        turn, own = None, None
        if self.blueprint.rotary:
            turn = own = Turn(self.cos, self.sin).at(ahead.places, x.dtype)
            if self.blueprint.rotary_local is not None:
                own = Turn(self.cos_local, self.sin_local).at(ahead.places, x.dtype)
        return View(turn, ahead.mask), View(own, ahead.near)
