"""Filling a gap: candidates are drawn from left to right, and weighed by how well they end.

A candidate is the first l of some tokens drawn one after another. Its weight is

    p(end | before, gap)       for a model that reads what follows first (see `infilling`), and at the end of a text
    p(after | before, gap)     for other models: the likelihood of the text after the gap

and one candidate is drawn by these weights. In the first case that is exact sampling with a single run of tokens, as
the end is drawn like any token. In the second it is importance resampling, with all lengths equally probable at first:
the more candidates, the closer to p(gap | before, after). Where none ends by itself, the longest that fits is taken.

Source: Rubin, "Using the SIR Algorithm to Simulate Posterior Distributions", 1988.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor

from zaohua.core.record import Condition
from zaohua.families.autoregressive.decoding import Decoder, RewindableDecoder, State, VerifyingDecoder
from zaohua.families.autoregressive.token_sampler import TokenSampler


@dataclass(frozen=True)
class Gap:
    """What is known of a gap, in tokens.

    Attributes:
        opening: tokens before it, as the network reads them, int64 (t,), t >= 1.
        after: tokens after it; empty if the network has read them, or there are none.
        room: maximum number of tokens in it.
        fits: whether the first tokens of a candidate may be all of it.
    """

    opening: Tensor
    after: Tensor
    room: int
    fits: Callable[[list[int]], bool]


@torch.inference_mode()
def filled(
    net: Decoder, gap: Gap, choice: TokenSampler, u: Tensor, turn: Tensor, y: Condition | None = None
) -> list[int] | None:
    """Draw the tokens of a gap.

    Args:
        net: the network.
        gap: the gap.
        choice: the token sampler, whose ends of rows end the gap if nothing is after it; with temperature 0 the
            likeliest candidate is taken, and if the text after the gap weighs them, they are drawn at temperature 1.
        u: uniform numbers, one for each token of each candidate, (candidates, gap.room).
        turn: a uniform number (), which draws a candidate.
        y: condition of the text, (1, ...).

    Returns:
        The tokens; None if none of the candidates fits.
    """
    count, best = len(u), choice.temperature == 0
    drawing = replace(choice, temperature=1.0) if best and len(gap.after) else choice
    endless = replace(drawing, bias={**drawing.bias, **dict.fromkeys(choice.ends, -torch.inf)})
    state = net.start(count, None if y is None else y.repeat_interleave(count, 0))
    new, tokens = gap.opening.expand(count, -1), torch.zeros(count, 0, dtype=torch.int64, device=u.device)
    weights = torch.full((count, gap.room + 1), -torch.inf, dtype=torch.float64, device=u.device)
    fitting = torch.zeros_like(weights, dtype=torch.bool)
    going_on, likely = weights.new_zeros(count), weights.new_zeros(count)
    for length in range(gap.room + 1):
        logits = net.step(new, state)
        fits = torch.tensor([gap.fits(row) for row in tokens.tolist()], device=u.device)
        stop = _log_stop(logits, drawing if len(gap.after) else choice, tokens)
        if not len(gap.after):
            weights[:, length] = going_on + stop
        elif bool(fits.any()):
            weights[:, length] = going_on + _likelihood(net, logits, gap.after, state) + (likely if best else 0)
        going_on = going_on + torch.log1p(-stop.exp().clamp(max=1 - 1e-12))  # END isn't drawn, so that all go on
        fitting[:, length] = fits
        if length < gap.room:
            new = endless(logits, u[:, length], tokens)[:, None]
            likely = likely + endless.adjusted(logits, tokens).double().log_softmax(1).gather(1, new)[:, 0]
            tokens = torch.cat([tokens, new], 1)
    weights = weights.masked_fill(~fitting, -torch.inf)
    if not bool(fitting.any()):
        return None
    if not bool(weights.isfinite().any()):
        weights[:, int(fitting.any(0).nonzero().max())] = 0.0
        weights = weights.masked_fill(~fitting, -torch.inf)
    row, length = divmod(_drawn(weights.flatten(), turn, best), gap.room + 1)
    return tokens[row, :length].tolist()


def _log_stop(logits: Tensor, choice: TokenSampler, before: Tensor) -> Tensor:
    """Return the log probability of an end as the sampler draws it, float64 (B,); 0 or -inf at temperature 0."""
    logits = choice.adjusted(logits, before).double()
    if choice.temperature == 0:
        return torch.where(choice.ended(logits.argmax(1)), 0.0, -torch.inf).double()
    return (logits / choice.temperature).log_softmax(1)[:, list(choice.ends)].logsumexp(1)


def _likelihood(net: Decoder, logits: Tensor, after: Tensor, state: State) -> Tensor:
    """Return the log likelihood of tokens (t,) after what a state has read, (B,), and leave the state as it is.

    Args:
        net: the network.
        logits: its logits of the first of them, (B, V).
        after: the tokens.
        state: the state of B rows.
    """
    rows = after.expand(len(logits), -1)
    out = logits.double().log_softmax(1).gather(1, rows[:, :1])[:, 0]
    if len(after) == 1:
        return out
    rewinds = hasattr(net, "rewind")
    state = state if rewinds else copy.deepcopy(state)
    if hasattr(net, "steps"):
        later = cast(VerifyingDecoder, net).steps(rows[:, :-1], state)
    else:
        later = torch.stack([net.step(column[:, None], state) for column in rows[:, :-1].unbind(1)], 1)
    if rewinds:
        cast(RewindableDecoder, net).rewind(state, len(after) - 1)
    terms: Tensor = later.double().log_softmax(2).gather(2, rows[:, 1:, None])[:, :, 0]
    total: Tensor = out + terms.sum(1)
    return total


def _drawn(weights: Tensor, u: Tensor, best: bool) -> int:
    """Draw an index by log weights (n,), or take the largest."""
    if best:
        return int(weights.argmax())
    cumulative = weights.softmax(0).cumsum(0)
    place = torch.searchsorted(cumulative, u.double() * cumulative[-1], right=True)
    return int(place.clamp(max=int(weights.isfinite().nonzero().max())))
