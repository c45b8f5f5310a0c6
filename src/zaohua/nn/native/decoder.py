"""Decoder of a transformer whose steps are one call of compiled code, in place of some hundred operations of torch."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from zaohua.core.record import Condition
from zaohua.nn.attention import Cache, Prefix
from zaohua.nn.native.compiler import functions
from zaohua.nn.native.structures import Packed, Task
from zaohua.nn.slots import Slots
from zaohua.nn.transformer import Transformer

MOST = 512
"""Number of tokens above which the network itself reads them: its products are then shared by all cores. On one core
the compiled step is two to three times as fast with any number."""


class KeysValues(Protocol):
    """Contiguous keys and values of a layer, (rows, heads, room, D)."""

    keys: Tensor
    values: Tensor


class NativeTransformer:
    """Decoder with the network's own caches, in float32 or 8-bit integers; see `families.autoregressive.decoding`.

    A row's logits are the same alone and in a batch, to the last bit.

    Args:
        net: the transformer, on a CPU and in float32.
        packed: its weights.
    """

    def __init__(self, net: Transformer, packed: Packed) -> None:
        self.net, self.packed, self._compiled = net, packed, functions()
        self._work = torch.empty(0)

    @property
    def nbytes(self) -> int:
        """Bytes of the packed weights, which are there beside the network's own."""
        return self.packed.nbytes

    def start(self, n: int, y: Condition | None = None, keep: Tensor | None = None) -> list[Cache]:
        """Return the initial state for n sequences: caches that hold their conditions."""
        state = self.net.start(n, y, keep)
        for cache in state:
            for part in (cache.keys, cache.values):
                self._compiled.use_large_pages(part.data_ptr(), 4 * part.numel())
        return state

    def slots(self) -> Slots:
        """Return a state without rows, which join and leave one by one, and of which `step` reads a token each."""
        return self.net.slots()

    def step(self, tokens: Tensor, state: list[Cache] | Slots) -> Tensor:
        """Add the next tokens, int (B, t), to the state; return logits of the token after them, float32 (B, V)."""
        if tokens.numel() > MOST:
            return self.net.step(tokens, state)
        if not isinstance(state, Slots):
            return self._read(tokens, state, False)
        rows = state.rows
        logits = self.read(tokens, state.caches, rows.lengths, rows.firsts, rows.prefix)
        rows.grow()
        return logits

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
        begin, prefix, (n, t) = state[0].length, state[0].prefix, tokens.shape
        logits = self.read(tokens, state, [begin] * n, [prefix.first] * n, prefix, every)
        for cache in state:
            cache.length = begin + t
        return logits

    def read(
        self,
        tokens: Tensor,
        caches: Sequence[KeysValues],
        begins: Sequence[int],
        firsts: Sequence[int],
        prefix: Prefix,
        every: bool = False,
    ) -> Tensor:
        """Read the next tokens of rows, each with a length of its own.

        Args:
            tokens: int (B, t).
            caches: of each layer, with room for the tokens.
            begins: number of tokens that each row has read, with those of its condition.
            firsts: position of the first of them.
            prefix: the conditions, of which what the rows have read is a part.
            every: whether to return the logits after every token, or after the last.

        Returns:
            float32 (B t or B, vocabulary).

        Raises:
            IndexError: a token is unknown, or there is no room for it.
        """
        net, tokens, (n, t) = self.packed.net, tokens.long().contiguous(), tokens.shape
        addresses = [part.data_ptr() for cache in caches for part in (cache.keys, cache.values)]
        size = self._compiled.work_size(ctypes.byref(net), n * t)
        if size > self._work.numel():
            self._work = torch.empty(size)
        logits = torch.empty(n * t if every else n, net.vocabulary)
        summary = None if prefix.summary is None else prefix.summary.contiguous()
        present = None if prefix.present is None else prefix.present.contiguous()
        task = Task(
            n,
            t,
            tokens.data_ptr(),
            (ctypes.c_int64 * n)(*begins),
            (ctypes.c_int64 * n)(*firsts),
            None if summary is None else summary.data_ptr(),
            None if present is None else present.data_ptr(),
            0 if present is None else present.shape[1],
            (ctypes.c_void_p * len(addresses))(*addresses),
            every,
            logits.data_ptr(),
            self._work.data_ptr(),
        )
        if not self._compiled.read_tokens(ctypes.byref(net), ctypes.byref(task)):
            raise IndexError(f"tokens must be below {net.vocabulary}, and end before position {net.room}")
        return logits
