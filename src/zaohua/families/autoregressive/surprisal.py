"""How surprising each token of a text is to a network: -log p(x_t | x_<t), what learning and scoring compute."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.record import Condition
from zaohua.core.spec import PAD
from zaohua.nn.packing import packed
from zaohua.nn.transformer import Transformer

FULL = 0.75
"""Share of learnt tokens in a batch, from which on the logits of all are computed."""
AT_ONCE = 2**13
"""Tokens that are scored at once: with the scores of attention between them they take some hundred MiB."""
LOGITS_AT_ONCE = 2**26
"""Logits that are computed at once in scoring: 256 MiB."""


def surprisal(
    net: nn.Module, x: Tensor, y: Condition | None, keep: Tensor | None = None, *, plain: bool = False
) -> Tensor:
    """Return -log p of each token but the first given those before it, nats (B, t - 1).

    Where no gradient is asked for, long rows are read a few at a time, so that memory stays bounded.

    Args:
        net: the network, `net(tokens, y, keep) -> logits of each next token`.
        x: tokens, int64 (B, t). The surprisal of padding (-1) is 0, and so is that of tokens k that are read but not
            learnt (-2 - k).
        y: condition of each row.
        keep: which rows keep their condition; None for all.
        plain: compute the same whatever the tokens are, which takes longer; gradients of single items need that.
    """
    if plain:
        return _of_all(net, *_shifted(x), y, keep)
    count = max(1, AT_ONCE // max(1, x.shape[1]))
    if torch.is_grad_enabled() or len(x) <= count:
        return _surprisal(net, x, y, keep)
    out = torch.zeros(len(x), x.shape[1] - 1, device=x.device)
    for start in range(0, len(x), count):
        rows = slice(start, start + count)
        part = x[rows, : int((x[rows] != PAD).sum(1).max())]
        if part.shape[1] < 2:  # all of these rows ended in windows before this one
            continue
        nats = _surprisal(net, part, None if y is None else y[rows], None if keep is None else keep[rows])
        out[rows, : nats.shape[1]] = nats
    return out


def _surprisal(net: nn.Module, x: Tensor, y: Condition | None, keep: Tensor | None) -> Tensor:
    before, targets = _shifted(x)
    if isinstance(net, Transformer):
        return _of_transformer(net, before, targets, x[:, :-1] != PAD, y, keep)
    return _of_all(net, before, targets, y, keep)


def _shifted(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a network is given, and what follows each of these tokens, -1 for what isn't learnt."""
    before, targets = x[:, :-1], x[:, 1:].clamp(min=PAD)
    return torch.where(before < PAD, -2 - before, before.clamp(min=0)), targets


def _of_all(net: nn.Module, before: Tensor, targets: Tensor, y: Condition | None, keep: Tensor | None) -> Tensor:
    logits = net(before, y, keep).flatten(0, 1)
    return F.cross_entropy(logits, targets.flatten(), ignore_index=PAD, reduction="none").view(targets.shape)


def _of_transformer(
    net: Transformer, before: Tensor, targets: Tensor, present: Tensor, y: Condition | None, keep: Tensor | None
) -> Tensor:
    """Return -log p of each target given the tokens before it, nats (B, t); 0 for those that aren't learnt (-1).

    Short rows are packed together. Logits of a large vocabulary cost as much as the blocks, so only those of targets
    are computed where many tokens are none.
    """
    learnt = targets != PAD
    rows = packed(before, present.sum(1)) if y is None else None
    if rows is not None:
        features = net.packed_features(rows.tokens, rows.segments).flatten(0, 1)[rows.places[learnt]]
    else:
        features = net.features(before, y, keep)
        if _fits(net, learnt.numel()) and bool(learnt.sum() >= FULL * learnt.numel()):
            flat = net.logits(features).flatten(0, 1)
            return F.cross_entropy(flat, targets.flatten(), ignore_index=PAD, reduction="none").view(targets.shape)
        features = features[learnt]
    nats = _cross_entropy(net, features, targets[learnt])
    return nats.new_zeros(learnt.shape).masked_scatter(learnt, nats)


def _cross_entropy(net: Transformer, features: Tensor, targets: Tensor) -> Tensor:
    """Return -log p of each target, nats (n,), from the features (n, width) before it."""
    if _fits(net, len(targets)):
        return F.cross_entropy(net.logits(features), targets, reduction="none")
    count = max(1, LOGITS_AT_ONCE // net.head.out_features)
    parts = zip(features.split(count), targets.split(count), strict=True)
    return torch.cat([F.cross_entropy(net.logits(some), wanted, reduction="none") for some, wanted in parts])


def _fits(net: Transformer, tokens: int) -> bool:
    """Return True if the logits of so many tokens may be computed at once; gradients need all of them anyway."""
    return torch.is_grad_enabled() or tokens * net.head.out_features <= LOGITS_AT_ONCE
