"""Decoding: token by token, with caches, guidance, and speculative decoding for single rows.

Every row has its own uniform numbers, drawn before decoding begins. So a row is the same alone and in a batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, cast

import torch
from torch import Tensor

from zaohua.core.record import Condition
from zaohua.families.autoregressive.token_sampler import TokenSampler
from zaohua.families.guidance import Guidance

State: TypeAlias = Any
"""State of a decoder, of a type that only its network knows."""


class Decoder(Protocol):
    """Network that reads tokens one by one; its state holds caches of keys and values, or recurrent states."""

    def start(self, n: int, y: Condition | None = None, keep: Tensor | None = None) -> State:
        """Return the initial state of n sequences."""
        ...

    def step(self, tokens: Tensor, state: State) -> Tensor:
        """Read tokens (B, t); return logits (B, vocabulary) of the next one."""
        ...


class RewindableDecoder(Decoder, Protocol):
    """Decoder that can forget tokens."""

    def rewind(self, state: State, n: int) -> None:
        """Remove the last n tokens from the state."""
        ...


class BranchingDecoder(Decoder, Protocol):
    """Decoder whose rows can be continued in several ways."""

    def select(self, state: State, rows: Tensor) -> None:
        """Replace each row of the state by that at its index in `rows`, (B,), which has the same condition."""
        ...


class RowStates(Protocol):
    """State of rows that come and go, each with a length of its own."""

    @property
    def row_bytes(self) -> int:
        """Bytes that are kept for each row."""
        ...

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def join(self, state: State) -> None:
        """Add the row of another state, which has read something, behind the others."""
        ...

    def leave(self, row: int) -> None:
        """Remove a row, whose place the last one takes."""
        ...


class SlotDecoder(Decoder, Protocol):
    """Decoder that reads a token of each of several rows that come and go."""

    def slots(self) -> RowStates:
        """Return a state without rows."""
        ...


class VerifyingDecoder(RewindableDecoder, Protocol):
    """Decoder that can verify several tokens in one pass."""

    def steps(self, tokens: Tensor, state: State) -> Tensor:
        """Read tokens (B, t); return logits (B, t, vocabulary) of the token after each."""
        ...


DecoderT = TypeVar("DecoderT", bound=Decoder, covariant=True)


def guided(net: Decoder, guide: Guidance | None) -> Decoder:
    """Return a decoder that combines predictions with guidance, for which it runs each row several times."""
    return net if guide is None else _Guided(net, guide)


class _Guided:
    def __init__(self, net: Decoder, guide: Guidance):
        self.net, self.guide = net, guide

    def start(self, n: int, y: Condition | None = None, keep: Tensor | None = None) -> State:
        assert y is not None
        return self.net.start(self.guide.times * n, self.guide.conditions(y), self.guide.keep(n, y.device))

    def step(self, tokens: Tensor, state: State) -> Tensor:
        return self.guide.combine(self.net.step(tokens.repeat(self.guide.times, 1), state))

    def select(self, state: State, rows: Tensor) -> None:
        shifts = len(rows) * torch.arange(self.guide.times, device=rows.device).unsqueeze(1)
        cast(BranchingDecoder, self.net).select(state, (shifts + rows).flatten())


@torch.inference_mode()
def generate(
    net: Decoder,
    prompt: Tensor,
    u: Tensor,
    choice: TokenSampler,
    *,
    context: int,
    end: int | None = None,
    y: Condition | None = None,
    draft: RewindableDecoder | None = None,
) -> Iterator[Tensor]:
    """Generate tokens from a prompt, one for each row at a time.

    When the context is full, its second half is read again as the beginning of a new one, so each token depends on at
    least the last half context.

    Args:
        net: the network.
        prompt: int (B, t), t >= 1; only the last tokens that fit are read.
        u: uniform numbers (B, number of tokens to generate).
        choice: the token sampler.
        context: number of tokens that the network can see.
        end: token that ends a row; None for none.
        y: condition of each row.
        draft: faster network for speculative decoding, which doesn't change the result. Used for single rows, and only
            given with a net that can `rewind`.

    Yields:
        int64 (B,); -1 for rows that have ended. Stops early when all have.
    """
    n, length = len(prompt), prompt.shape[1]
    tokens = torch.cat([prompt, prompt.new_full(u.shape, -1)], dim=1)
    over = torch.zeros(n, dtype=torch.bool, device=prompt.device)
    reader = (
        CachedDecoder(net, n, y, context)
        if draft is None or n > 1
        else _SpeculativeDecoder(cast(VerifyingDecoder, net), draft, y, context, choice, u)
    )
    for i in range(u.shape[1]):
        logits = reader.after(tokens, length)
        token = choice(logits, u[:, i], tokens[:, :length]).masked_fill(over, -1)
        tokens[:, length], length = token, length + 1
        yield token
        if end is not None:
            over = over | (token == end)
            if bool(over.all()):
                return


def begin_of(begin: int | None, length: int, context: int) -> int | None:
    """Return where a new state begins to read, if the old one, which began at `begin`, is full; else None.

    Args:
        begin: index of the first token that the old state has read; None if there is none.
        length: number of tokens to be read.
        context: number of tokens that a state can hold; of a full one the second half is read again.
    """
    if begin is not None and length - begin <= context:
        return None
    return max(0, length - (context if begin is None else context // 2))


class CachedDecoder(Generic[DecoderT]):
    """Reader that keeps the network's state, so that only the newest token is read.

    Args:
        net: the network.
        n: number of rows.
        y: condition of each row.
        context: number of tokens that the network can see; of a full context the second half is read again.
    """

    def __init__(self, net: DecoderT, n: int, y: Condition | None, context: int):
        self.net, self.n, self.y, self.context = net, n, y, context
        self.state: State = None
        self.begin = self.seen = 0

    def after(self, tokens: Tensor, length: int) -> Tensor:
        """Return logits (B, V) of the token after the first `length` tokens."""
        return self.net.step(self.unread(tokens, length), self.state)

    def unread(self, tokens: Tensor, length: int) -> Tensor:
        """Return the tokens to read next; starts a new state where the old one is full."""
        begin = begin_of(None if self.state is None else self.begin, length, self.context)
        if begin is not None:
            self.begin = self.seen = begin
            self.state = self.net.start(self.n, self.y)
        new, self.seen = tokens[:, self.seen : length].clamp(min=0), length
        return new


class _SpeculativeDecoder(CachedDecoder[VerifyingDecoder]):
    """Reader of one row that lets a draft network guess ahead, and verifies the guesses in one pass.

    A guess is the draft's choice with the same uniform number, so a draft close to the network is nearly always right.
    Logits after the first wrong guess are discarded.

    Source: Leviathan, Kalman and Matias, "Fast Inference from Transformers via Speculative Decoding", 2023
    (arXiv:2211.17192), with shared uniform numbers in place of rejection.
    """

    LEAST, MOST = 4, 32  # guesses at once

    def __init__(
        self,
        net: VerifyingDecoder,
        draft: RewindableDecoder,
        y: Condition | None,
        context: int,
        choice: TokenSampler,
        u: Tensor,
    ):
        super().__init__(net, 1, y, context)
        self.draft, self.choice, self.u = CachedDecoder(draft, 1, y, context), choice, u
        self.guessed = self.logits = u.new_empty(1, 0)
        self.base, self.ahead = 0, self.LEAST

    def after(self, tokens: Tensor, length: int) -> Tensor:
        """Return logits (1, V) of the token after the first `length` tokens, from verified guesses where it can."""
        right = length - self.base
        if right >= self.logits.shape[1] or not torch.equal(self.guessed[:, :right], tokens[:, self.base : length]):
            self._forget(length - 1)
            new = self.unread(tokens, length)
            self.guessed = self._guesses(tokens, length)
            self.logits = self.net.steps(torch.cat([new, self.guessed], 1), self.state)[:, new.shape[1] - 1 :]
            self.base, self.seen, right = length, length + self.guessed.shape[1], 0
        return self.logits[:, right]

    def _guesses(self, tokens: Tensor, length: int) -> Tensor:
        """Return the draft's guesses after the first `length` tokens, (1, g), as far as there is room."""
        n = min(self.ahead, tokens.shape[1] - length - 1, self.begin + self.context - length)
        tokens, first = tokens.clone(), tokens.shape[1] - self.u.shape[1]
        for i in range(length, length + n):
            tokens[:, i] = self.choice(self.draft.after(tokens, i), self.u[:, i - first], tokens[:, :i])
        return tokens[:, length : length + n]

    def _forget(self, valid: int) -> None:
        """Remove wrong guesses from the states: only the first `valid` tokens are right."""
        if self.state is not None:
            self.ahead = min(max(2 * (valid - self.base), self.LEAST), self.MOST)
        _rewind(self, valid)
        _rewind(self.draft, valid)


def _rewind(reader: CachedDecoder[RewindableDecoder], length: int) -> None:
    """Remove what a reader has read beyond the first `length` tokens from its state."""
    if reader.seen > length:
        reader.net.rewind(reader.state, reader.seen - length)
        reader.seen = length
