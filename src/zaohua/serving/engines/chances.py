"""Log-probabilities of tokens, of the model itself: before temperature, penalties and bias."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from zaohua.core.record import Condition
from zaohua.families.autoregressive.texts import TextModel
from zaohua.modalities.texts.codec import TextCodec
from zaohua.serving.work import TokenChance


def chance(codec: TextCodec, token: int, logits: Tensor, top: int) -> TokenChance:
    """Return the chance of a token, and the most likely ones in its place, by logits (V,)."""
    logprobs = logits.float().log_softmax(0)
    values, best = logprobs.topk(min(top, len(logprobs)))
    likely = tuple((codec.name(each), value) for each, value in zip(best.tolist(), values.tolist(), strict=True))
    return TokenChance(codec.name(token), float(logprobs[token]), likely)


def told(chances: list[TokenChance], text: str) -> list[TokenChance]:
    """Return those of some tokens whose text begins within what was released of it, before a stop sequence."""
    out, length = list[TokenChance](), 0
    for each in chances:
        if length >= len(text):
            break
        out.append(each)
        length += len(each.text)
    return out


@torch.inference_mode()
def chances_of(model: TextModel, tokens: list[int], y: Condition | None, top: int) -> tuple[TokenChance, ...]:
    """Return the chance of each of some tokens (t,) but the first, given those before it, as `score_samples` does."""
    rows = zip(tokens[1:], _logits(model, tokens, y), strict=True)
    return tuple(chance(model.codec_, token, logits, top) for token, logits in rows)


def _logits(model: TextModel, tokens: list[int], y: Condition | None) -> Iterator[Tensor]:
    """Yield the logits (V,) of each token but the first, in windows that overlap by half; see `TokenModel.windows`."""
    row, scored, context = torch.tensor([tokens], device=model.device_), 0, model.context
    while scored < len(tokens) - 1:
        begin = 0 if not scored else scored - (context - context // 2)
        found = model.nets_["net"](row[:, begin : begin + context][:, : len(tokens) - 1 - begin], y)[0]
        yield from found[scored - begin :]
        scored = begin + len(found)
