"""Labels of few items, spread to many by a graph of neighbours in a flow's features.

The flow was trained without labels, so its features know of none; what is learnt of labels comes from the few that are
known. Zhou et al., "Learning with local and global consistency", 2003.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import sparse

NEIGHBOURS, ROUNDS, ALPHA = 10, 150, 0.99


@torch.no_grad()
def features(model: Any, items: Any, t: float = 0.1, side: int = 3) -> NDArray[np.float32]:
    """Return what a flow's U-Net holds at its lowest level of slightly noisy items, standardised, (n, d)."""
    net, out = model.nets_["net"], list[torch.Tensor]()
    hook = net.attention.register_forward_hook(
        lambda module, inputs, x: out.append(F.adaptive_avg_pool2d(x, (side, side)).flatten(1))
    )
    generator = torch.Generator().manual_seed(0)
    encoded = model.encode_items(items)
    for start in range(0, len(encoded), 500):
        x = model.prepare_items(encoded.take(np.arange(start, min(start + 500, len(encoded))))).x
        noise = torch.randn(x.shape, generator=generator)
        net((1 - t) * x + t * noise, torch.full((len(x),), 1000 * t), None)
    hook.remove()
    found = torch.cat(out).numpy()
    found = (found - found.mean(0)) / (found.std(0) + 1e-6)
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def spread(
    x: NDArray[np.float32], known: NDArray[np.int64], classes: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Spread labels over a graph of neighbours.

    Args:
        x: features of unit length, (n, d).
        known: class of each item, -1 where it isn't known, (n,).
        classes: number of classes.

    Returns:
        The class of each item, and how sure it is, (n,).
    """
    n = len(x)
    near, far = np.empty((n, NEIGHBOURS), np.int64), np.empty((n, NEIGHBOURS), np.float32)
    for start in range(0, n, 1000):
        alike = x[start : start + 1000] @ x.T
        alike[np.arange(len(alike)), np.arange(start, start + len(alike))] = -1
        best = np.argpartition(-alike, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        near[start : start + 1000], far[start : start + 1000] = best, 1 - np.take_along_axis(alike, best, 1)
    weights = np.exp(-4 * far / np.maximum(1e-9, far.max(1, keepdims=True)))
    graph = sparse.csr_matrix((weights.ravel(), (np.repeat(np.arange(n), NEIGHBOURS), near.ravel())), (n, n))
    graph = (graph + graph.T) / 2
    scale = sparse.diags(np.asarray(graph.sum(1)).ravel() ** -0.5)
    step, given = scale @ graph @ scale, np.zeros((n, classes))
    given[known >= 0, known[known >= 0]] = 1
    found = given.copy()
    for _ in range(ROUNDS):
        found = ALPHA * (step @ found) + (1 - ALPHA) * given
    found = found / found.sum(0)
    found /= np.maximum(found.sum(1, keepdims=True), 1e-12)
    return np.where(known >= 0, known, found.argmax(1)), np.where(known >= 0, 1.0, found.max(1))


def surest(labels: NDArray[np.int64], sure: NDArray[np.float64], share: float = 0.6) -> NDArray[np.bool_]:
    """Return a mask of the items of each class whose labels are the surest."""
    kept = sure >= 1.0
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        kept[own[np.argsort(-sure[own], kind="stable")[: int(share * len(own))]]] = True
    return kept
