"""Beam search: the most likely sequence that can be found by keeping a few beginnings at a time."""

from __future__ import annotations

import torch
from torch import Tensor

from zaohua.core.record import Condition
from zaohua.families.autoregressive.decoding import BranchingDecoder, CachedDecoder
from zaohua.families.autoregressive.token_sampler import TokenSampler


@torch.inference_mode()
def beam_search(
    net: BranchingDecoder,
    prompt: Tensor,
    choice: TokenSampler,
    *,
    beams: int,
    room: int,
    context: int,
    y: Condition | None = None,
) -> Tensor:
    """Find a likely continuation of each prompt, END included.

    In each step all tokens are tried after each of the `beams` beginnings of a row, and the most likely ones are kept.
    Those that have ended are kept as they are, as long as none that is likelier pushes them out. So the result is the
    most likely of all if there are as many beams as beginnings. Probabilities are not divided by lengths.

    Args:
        net: the network.
        prompt: int (B, t), t >= 1.
        choice: the token sampler, whose bias, allowed tokens, repetition penalty and ends of rows apply.
        beams: number of beginnings that are kept.
        room: maximum number of tokens to add.
        context: number of tokens that the network can see.
        y: condition of each row.

    Returns:
        int64 (B, t + room); -1 after END.
    """
    n, t = prompt.shape
    reader = CachedDecoder(net, n * beams, None if y is None else y.repeat_interleave(beams, 0), context)
    tokens = torch.cat([prompt, prompt.new_full((n, room), -1)], dim=1).repeat_interleave(beams, 0)
    scores = torch.full((n, beams), -torch.inf, dtype=torch.float64, device=prompt.device)
    scores[:, 0] = 0  # at first all beams of a row are the same
    over = torch.zeros(n, beams, dtype=torch.bool, device=prompt.device)
    first = beams * torch.arange(n, device=prompt.device).unsqueeze(1)
    for length in range(t, t + room):
        logits = choice.adjusted(reader.after(tokens, length), tokens[:, :length])
        gained = logits.double().log_softmax(1).view(n, beams, -1)
        ended = torch.full_like(gained[:, :1], -torch.inf)
        ended[..., 0] = 0
        gained = torch.where(over.unsqueeze(2), ended, gained)
        scores, best = (scores.unsqueeze(2) + gained).flatten(1).topk(beams, dim=1)
        came = best // gained.shape[2]
        over = over.gather(1, came)
        token = (best % gained.shape[2]).masked_fill(over, -1)
        over = over | choice.ended(token)
        rows = (first + came).flatten()
        tokens = tokens[rows]
        tokens[:, length] = token.flatten()
        net.select(reader.state, rows)
        if bool(over[:, 0].all()):  # what is less likely already can't become likelier
            break
    return tokens.view(n, beams, -1)[:, 0]
