"""Drafts for speculative decoding: where they are made of a network's 8-bit integers, and whether they pay."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from zaohua.core.record import Condition
from zaohua.families.autoregressive.decoding import RewindableDecoder, State, VerifyingDecoder
from zaohua.families.autoregressive.token_sampler import TokenSampler
from zaohua.nn.quick import quick

GUESSES, RIGHT, TIMED = 8, 0.9, 4
"""What `pays` assumes: guesses verified in one pass, probability that one is right, and number of steps to time."""
WORTH = 128
"""Number of tokens from which a draft is made and timed: it takes about as long as the draft then saves."""


def draft_of(
    net: nn.Module, y: Condition | None = None, *, tokens: int, least: int = 1 << 22
) -> RewindableDecoder | None:
    """Return the network in 8-bit integers as a draft for single rows, if measured steps say that it pays; else None.

    With a draft, a single row loads the network's weights once for several tokens, and only the draft's, a fourth of
    the size and small enough for the cache, for each token. Whether that is faster depends on the processor, so a few
    steps of both are timed, once for each network. The draft doesn't change which tokens are generated.

    Args:
        net: the network.
        y: condition of a row.
        tokens: number of tokens to generate; a few aren't worth the timing.
        least: number of weights in matrices, below which a network gets no draft.
    """
    weights = [p for p in net.parameters() if p.ndim == 2]
    if tokens < WORTH or sum(p.numel() for p in weights) < least or weights[0].device.type != "cpu":
        return None
    if not hasattr(net, "rewind") or _paid.get(net) is False:
        return None
    draft = cast(RewindableDecoder, quick(net, integers=True))
    if net not in _paid:
        _paid[net] = pays(cast(VerifyingDecoder, quick(net)), draft, y)
    return draft if _paid[net] else None


_paid: weakref.WeakKeyDictionary[nn.Module, bool] = weakref.WeakKeyDictionary()
"""Networks whose drafts were timed, and whether they paid."""


def pays(net: VerifyingDecoder, draft: RewindableDecoder, y: Condition | None) -> bool:
    """Return whether decoding with a draft is faster, by the least times of a few steps.

    Of `GUESSES` guesses that are verified in one pass, each is right with probability `RIGHT` given that those before
    it are, and the pass itself gives one token. A guess is a step and a choice.
    """
    accepted = 1 + sum(RIGHT**k for k in range(1, GUESSES + 1))
    one, several = torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, GUESSES + 1, dtype=torch.int64)
    choose, u = TokenSampler(), torch.full((1,), 0.5)

    def seconds(step: Callable[[Tensor, State], Tensor], decoder: RewindableDecoder, tokens: Tensor) -> float:
        state, times = decoder.start(1, y), list[float]()
        for _ in range(TIMED):
            began = time.perf_counter()
            step(tokens, state)
            times.append(time.perf_counter() - began)
            decoder.rewind(state, tokens.shape[1])
        return min(times)

    def guess(tokens: Tensor, state: State) -> Tensor:
        return choose(draft.step(tokens, state), u, tokens)

    guessing = GUESSES * seconds(guess, draft, one)
    return guessing + seconds(net.steps, net, several) < accepted * seconds(net.step, net, one)
