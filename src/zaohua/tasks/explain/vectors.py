"""Items as inputs of classifiers and as vectors, whose distances are those between items.

Grids are their own tensors, rows of tables are one-hot categories and normalised numbers, and sequences are counted by
the runs of one to three tokens that they hold.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.tensors import Encoded, chunks
from zaohua.modalities.tables.codec import TableCodec
from zaohua.nn.rows import RowLayout

FAR = 4.0
"""How far a cell unlike training's is from all that are like it, in standard deviations."""
BUCKETS = 2_048
"""Number of buckets that runs of tokens are counted in."""


def inputs(model: GenerativeModel, x: Tensor) -> Tensor:
    """Convert tensors of items to inputs of a classifier, float32: grids (n, C, *axes), others (n, d)."""
    if model.spec_.is_row:
        return RowLayout(model.spec_).wide(x.masked_fill(x.isinf(), torch.nan))
    if model.spec_.shape is None or model.spec_.is_category:
        return _counted(x.cpu().numpy().astype(np.int64))
    return x.float()


def vectors(model: GenerativeModel, encoded: Encoded) -> np.ndarray:
    """Return vectors of encoded items, float32 (n, d)."""
    parts = []
    for rows in chunks(len(encoded)):
        batch = Encoded(encoded.codes).take(np.arange(rows.start, rows.stop))
        found = inputs(model, model.prepare_items(batch).x).flatten(1).cpu()
        if isinstance(model.codec_, TableCodec):
            found = torch.cat([found, FAR * model.codec_.hidden(batch.codes[np.arange(len(batch))])], dim=1)
        parts.append(found.numpy().astype(np.float32))
    return np.concatenate(parts)


def _counted(x: np.ndarray) -> Tensor:
    """Count runs of one to three tokens or frames (n, t, ...), as directions on the sphere, float32 (n, BUCKETS)."""
    flat = x.reshape(len(x), x.shape[1], -1)
    there = np.asarray((flat >= 0).all(2))
    mixed = np.zeros(flat.shape[:2], np.uint64)
    for part in np.moveaxis(flat, 2, 0):
        mixed = mixed * np.uint64(1_000_003) + part.astype(np.uint64) + np.uint64(1)
    out = np.zeros((len(x), BUCKETS), np.float32)
    run, valid = np.zeros_like(mixed), np.ones_like(there)
    for k in range(min(3, flat.shape[1])):
        width = flat.shape[1] - k
        run = run[:, :width] * np.uint64(0x9E3779B97F4A7C15) + mixed[:, k:]
        valid = valid[:, :width] & there[:, k:]
        bucket = ((run ^ (run >> np.uint64(29))) % np.uint64(BUCKETS)).astype(np.int64)
        np.add.at(out, (np.nonzero(valid)[0], bucket[valid]), 1.0)
    out = np.sqrt(out)
    return torch.from_numpy(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9))
