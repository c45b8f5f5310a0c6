"""What attention looked at: how much each token of an item was looked at, and how far back the heads look.

Weights of single heads are mixed from layer to layer. *Rollout* follows them through all layers, with half of each
layer passed on unchanged by its residual connection. It says where information came from, not whether it was used.

Source: Abnar and Zuidema, "Quantifying Attention Flow in Transformers", 2020 (arXiv:2005.00928).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import NotAvailable
from zaohua.families.autoregressive.tokens import TokenModel
from zaohua.nn.image_gpt import PixelTransformer
from zaohua.nn.transformer import Transformer
from zaohua.tasks.explain.subject import Subject

MOST = 1_024
"""Most tokens of which all pairs are looked at."""


@dataclass(frozen=True, eq=False)
class Attention:
    """Attention of a transformer within an item.

    Attributes:
        last: how much the last token owes to each, by rollout, (t,); it sums to 1 with the condition.
        received: how much each is looked at by those after it, in the mean, as a multiple of looking evenly, (t,).
        reach: how many tokens back each head looks, in the mean, (layers, heads).
        condition: share of the last token's attention that goes to the condition.
        grid: shape of a picture whose numbers the tokens are; empty of sequences.
    """

    last: np.ndarray
    received: np.ndarray
    reach: np.ndarray
    condition: float
    grid: tuple[int, ...] = ()


def attention(subject: Subject) -> Attention:
    """Compute what a causal transformer looked at when it read the item.

    Raises:
        NotAvailable: the model has no causal transformer.
    """
    model = subject.model
    net = model.nets_["net"] if hasattr(model, "nets_") and "net" in model.nets_ else None
    grid: tuple[int, ...] = ()
    if isinstance(net, PixelTransformer) and subject.x[0].numel() <= MOST:
        grid = tuple(subject.x.shape[1:])
        with model.inference():
            weights = net.attention(subject.x, subject.y)
        count = subject.x[0].numel()
    elif isinstance(net, Transformer) and isinstance(model, TokenModel):
        tokens = subject.x[:, : min(model.context, subject.x.shape[1] - 1)].clamp(min=0)
        with model.inference():
            weights = net.attention(tokens, subject.y)
        count = tokens.shape[1]
    else:
        raise NotAvailable(f"a {type(model).__name__} has no causal transformer")
    return measured(torch.stack([layer[0].double() for layer in weights]), count, grid)


def measured(weights: Tensor, count: int, grid: tuple[int, ...] = ()) -> Attention:
    """Compute figures of attention.

    Args:
        weights: (layers, heads, t, t), of which each row sums to 1.
        count: tokens of the item, the last of them.
        grid: as in `Attention`.
    """
    t = weights.shape[-1]
    flow = torch.eye(t, dtype=weights.dtype)
    for layer in weights.mean(1):
        flow = (0.5 * layer + 0.5 * torch.eye(t, dtype=weights.dtype)) @ flow
    places = torch.arange(t, dtype=weights.dtype)
    reach = (weights * (places[:, None] - places)).sum(-1).mean(-1)
    mean = weights.mean((0, 1))
    after = torch.tril(torch.ones(t, t, dtype=weights.dtype))
    even = after / after.sum(1, keepdim=True)
    received = (mean.sum(0) / even.sum(0))[t - count :]
    last = flow[-1]
    return Attention(last[t - count :].numpy(), received.numpy(), reach.numpy(), float(last[: t - count].sum()), grid)
