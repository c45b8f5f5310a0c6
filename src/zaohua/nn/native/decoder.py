"""Decoder of a transformer whose steps are one call of compiled code, in place of some hundred operations of torch."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from zaohua.core.record import Condition
from zaohua.nn.attention import Cache, Prefix
from zaohua.nn.native.compiler import library
from zaohua.nn.native.structures import Packed, Task
from zaohua.nn.transformer import Transformer

MOST = 96
"""Number of tokens above which the network itself reads them, by large products."""


class NativeTransformer:
    """Decoder with the network's own caches, in float32 or 8-bit integers; see `families.autoregressive.decoding`."""

    def __init__(self, net: Transformer, integers: bool = False, least: int = 1 << 16) -> None:
        self.net, self.packed, self._library = net, Packed(net, integers, least), library()
        self._work = torch.empty(0)

    def start(self, n: int, y: Condition | None = None, keep: Tensor | None = None) -> list[Cache]:
        """Return the initial state for n sequences: caches that hold their conditions."""
        state = self.net.start(n, y, keep)
        for cache in state:
            for part in (cache.keys, cache.values):
                self._library.use_large_pages(part.data_ptr(), 4 * part.numel())
        return state

    def step(self, tokens: Tensor, state: list[Cache]) -> Tensor:
        """Add the next tokens, int (B, t), to the state; return logits of the token after them, float32 (B, V)."""
        return self.net.step(tokens, state) if tokens.numel() > MOST else self._read(tokens, state, False)

    def steps(self, tokens: Tensor, state: list[Cache]) -> Tensor:
        """Add tokens as `step` does, but return the logits after each of them, (B, t, V)."""
        if tokens.numel() > MOST:
            return self.net.steps(tokens, state)
        return self._read(tokens, state, True).view(*tokens.shape, -1)

    def rewind(self, state: list[Cache], n: int) -> None:
        """Remove the last n tokens from the state."""
        self.net.rewind(state, n)

    def select(self, state: list[Cache], rows: Tensor) -> None:
        """Replace each row of the state by that at its index in `rows`, (B,), which has the same condition."""
        self.net.select(state, rows)

    def _read(self, tokens: Tensor, state: list[Cache], every: bool) -> Tensor:
        begin, (n, t) = state[0].length, tokens.shape
        begins = torch.full((n,), begin)
        logits = self.read(tokens, [(c.keys, c.values) for c in state], begins, state[0].prefix, every)
        for cache in state:
            cache.length = begin + t
        return logits

    def read(
        self, tokens: Tensor, caches: list[tuple[Tensor, Tensor]], begins: Tensor, prefix: Prefix, every: bool = False
    ) -> Tensor:
        """Read the next tokens of rows with lengths of their own.

        Args:
            tokens: int (B, t).
            caches: keys and values of each layer, contiguous (at least B, heads, room, D).
            begins: number of tokens that each row has read, int64 (B,).
            prefix: the conditions, which were read before.
            every: whether to return the logits after every token, or after the last.

        Returns:
            float32 (B t or B, vocabulary).
        """
        tokens, begins = tokens.long().contiguous(), begins.contiguous()
        n, t = tokens.shape
        addresses = [part.data_ptr() for both in caches for part in both]
        pointers = (ctypes.c_void_p * len(addresses))(*addresses)
        logits = torch.empty(n * t if every else n, self.packed.net.vocabulary)
        size = self._library.work_size(ctypes.byref(self.packed.net), n * t)
        if size > self._work.numel():
            self._work = torch.empty(size)
        summary = None if prefix.summary is None else prefix.summary.float().contiguous()
        present = None if prefix.present is None else prefix.present.contiguous()
        task = Task(
            n,
            t,
            tokens.data_ptr(),
            begins.data_ptr(),
            prefix.first,
            None if summary is None else summary.data_ptr(),
            None if present is None else present.data_ptr(),
            prefix.values.shape[1],
            ctypes.addressof(pointers),
            every,
            logits.data_ptr(),
            self._work.data_ptr(),
        )
        self._library.read_tokens(ctypes.byref(self.packed.net), ctypes.byref(task))
        return logits
