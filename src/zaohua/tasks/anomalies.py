"""Anomalies: where items differ from what a model expects there, given the rest of them.

An item is laid out in blocks of four kinds, as the squares of a board of 2 x 2 colours. Those of each kind are hidden
in turn and restored from the rest. Where something doesn't belong, what is restored differs from what was given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zaohua.core.arguments import whole_number
from zaohua.core.arrays import as_array
from zaohua.core.errors import NotAvailable
from zaohua.core.noise import Noise
from zaohua.core.record import Condition
from zaohua.core.seeds import RandomState
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.tensors import Encoded
from zaohua.families.posterior import Renoise
from zaohua.modalities.images.codec import ImageCodec
from zaohua.operators.base import Observation
from zaohua.operators.masks import Mask
from zaohua.tasks.restore.restoring import restore

KINDS = 4
"""Number of kinds of blocks."""
SHARE = 4
"""Number of blocks along the shorter side of an item."""


@dataclass(frozen=True, eq=False)
class Anomalies:
    """Anomalies of n items.

    Attributes:
        map: how far each value is from what was expected there, float32 (n, *axes): of pictures (n, H, W), in units of
            pixels and averaged over colours; of sounds (n, bands, frames) or (n, samples), in units of tensors.
        scores: the largest mean of the map over any square of the size of a block, float64 (n,).
        how: what was done, in a sentence.
    """

    map: np.ndarray
    scores: np.ndarray
    how: str


def anomalies(
    model: GenerativeModel,
    X: object,
    *,
    y: object = None,
    block: int | None = None,
    n_samples: int = 4,
    steps: int = 25,
    random_state: RandomState = None,
) -> Anomalies:
    """Find where items differ from what the model expects.

        >>> found = zh.tasks.anomalies.anomalies(model, photos)
        >>> worst = found.scores.argsort()[::-1]

    Args:
        model: fitted to items without anomalies; any that restores pictures, or a diffusion or flow model of sounds.
        X: items; pictures may be larger than the model's own.
        y: what the items show, for a model that was fitted with conditions: one for all or one for each.
        block: side of the blocks that are hidden, in pixels; by default a quarter of the model's shorter side.
            What is smaller than a block is hidden as a whole.
        n_samples: number of answers whose mean is what is expected.
        steps: steps of each restoration.
        random_state: seed. None uses the model's own.

    Raises:
        ZaohuaError: the model can't restore such items.
    """
    shape = model.spec_.shape
    if shape is None or not shape:
        raise NotAvailable(f"a {type(model).__name__} can't restore parts of such items, as anomalies need")
    block = max(1, min(shape) // SHARE) if block is None else whole_number("block", block)
    n_samples, steps = whole_number("n_samples", n_samples), whole_number("steps", steps)
    if isinstance(model.codec_, ImageCodec):
        array = as_array(X, "images")
        away = np.zeros(array.shape[:3], np.float32)
        for kind in range(KINDS):
            seen = layout(array.shape[1:3], block) != kind
            guess = restore(model, X, mask=seen, y=y, n_samples=n_samples, steps=steps, random_state=random_state).best
            off = np.abs(np.asarray(guess, np.float32) - array.astype(np.float32))
            away += off if off.ndim == 3 else off.mean(3)
    else:
        away = _of_tensors(model, X, y, block, n_samples, steps)
    return Anomalies(away, _scores(away, block), _told(model, block, n_samples))


def layout(size: tuple[int, ...], block: int) -> np.ndarray:
    """Return the kind of the block that each value is in, int64 (*size); of items of one axis in turn."""
    places = np.indices(size) // block
    if len(size) == 1:
        kinds: np.ndarray = places[0] % KINDS
        return kinds
    row, column = places[-2:] % 2
    return np.asarray(2 * row + column)


def _of_tensors(model: GenerativeModel, X: object, y: object, block: int, n_samples: int, steps: int) -> np.ndarray:
    """Return the map of items whose tensors are grids, with a denoiser, float32 (n, *axes)."""
    if not hasattr(model, "denoiser"):
        raise NotAvailable(f"anomalies of {model.codec_.modality} need a diffusion or flow model")
    codes = model.encode_items(X).codes
    encoded = Encoded(codes, model.sample_conditions(len(codes), y)[1])

    def away(x: Tensor, given: Condition | None, noise: Noise) -> Tensor:
        kinds = torch.from_numpy(layout(tuple(x.shape[2:]), block)).to(x.device)
        denoiser, total = model.denoiser(given), torch.zeros_like(x[:, 0])
        for kind in range(KINDS):
            observation = Observation(x * (kinds != kind), Mask((kinds != kind)[None, None]))
            guesses = [
                Renoise(observation).sample(
                    denoiser, denoiser.times(steps), denoiser.start(noise.normal(*x.shape[1:])), noise
                )
                for _ in range(n_samples)
            ]
            total += (torch.stack(guesses).mean(0) - x).abs().mean(1) * (kinds == kind)
        return total

    return model.map_items(away, encoded).astype(np.float32)


def _scores(away: np.ndarray, block: int) -> np.ndarray:
    """Return the largest mean over squares of the side of a block, float64 (n,)."""
    maps = torch.from_numpy(away.astype(np.float64))[:, None]
    sides = [min(block, side) for side in maps.shape[2:]]
    pooled = F.avg_pool1d(maps, sides, 1) if len(sides) == 1 else F.avg_pool2d(maps, sides, 1)
    scores: np.ndarray = pooled.flatten(1).amax(1).numpy()
    return scores


def _told(model: GenerativeModel, block: int, n_samples: int) -> str:
    """Say in a sentence what was done."""
    guesses = "" if n_samples == 1 else f", {n_samples} times, and the mean is taken"
    return f"Each block of {block} is restored from the rest by this {type(model).__name__}{guesses}."
