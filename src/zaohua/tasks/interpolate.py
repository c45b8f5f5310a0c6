"""What lies between two items, or between two conditions.

Between items the way goes along a great circle of latent space: latents drawn from N(0, 1) in D dimensions lie near a
sphere of radius sqrt(D), which a straight line would leave. Between conditions the noise stays, and the network sees a
mixture of what it learnt of both.

Source: White, "Sampling Generative Networks", 2016 (arXiv:1609.04468).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zaohua.core.arguments import whole_number
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import ItemNoise
from zaohua.core.record import Condition, Record
from zaohua.core.seeds import RandomState
from zaohua.core.spec import DataSpec
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.tensors import to_cpu
from zaohua.tasks.latents import Latents


def interpolate(model: GenerativeModel, a: object, b: object, n: int = 8, *, y: object = None, **options: Any) -> Any:
    """Make the items between two items, along the great circle between their latents.

        >>> zh.interpolate(model, photos[0], photos[1], 16)
        >>> zh.interpolate(model, 3, 4)                       # between the latents of two seeds

    Args:
        model: fitted model with latents: a VAE, a GAN, or a diffusion or flow model.
        a, b: items or paths of files; whole numbers stand for latents drawn with these seeds.
        n: number of items, with both ends.
        y: one condition for all, for models that need one.
        options: fields of the model marked for sampling, for this call only.

    Returns:
        n items. The first and the last are what the model makes of the latents of a and b: of items reconstructions,
        which aren't the items themselves.

    Raises:
        ZaohuaError: the model has no latents, or a or b aren't single items.
    """
    latents = Latents(model.with_options(**options), y)
    return latents.items(slerp(_end(latents, "a", a), _end(latents, "b", b), _weights(n)))


def morph(
    model: GenerativeModel,
    from_y: object,
    to_y: object,
    n: int = 8,
    *,
    random_state: RandomState = None,
    **options: Any,
) -> Any:
    """Make items from the same noise, whose condition changes from one to another step by step.

        >>> zh.morph(model, 3, 8, random_state=0)             # from a 3 to an 8

    Args:
        model: fitted with conditions that can be mixed: labels, pictures or sounds of one size, or records of these.
        from_y, to_y: the conditions.
        n: number of items, with both ends.
        random_state: seed of the noise. None uses the model's own.
        options: fields of the model marked for sampling, for this call only.

    Returns:
        n items. The first and the last are those that `sample` makes with either condition and the same seed.

    Raises:
        ZaohuaError: the model has no conditions, one is unknown, or they can't be mixed.
    """
    model = model.with_options(**options)
    a, b = model.condition(from_y, 1), model.condition(to_y, 1)
    if a is None or b is None or model.y_spec_ is None:
        raise ZaohuaError("a morph goes from one condition to another: give from_y and to_y")
    y = mixed(a, b, torch.from_numpy(_weights(n)).float().to(model.device_), model.y_spec_)
    (seed,) = model.seeds_for_sampling(random_state, 1)
    with model.inference():
        x = to_cpu(model.draw(ItemNoise([seed] * len(y), model.device_), y))
    return model.decode_tensors(x)


def slerp(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Interpolate along the great circle through a and b; of different norms, norms change evenly.

    Args:
        a, b: vectors, float64 (D,).
        weights: 0 for a, 1 for b, (n,).

    Returns:
        float64 (n, D). Where there isn't one great circle, as a and b are parallel, a straight line.
    """
    w, norms = weights[:, None], (np.linalg.norm(a), np.linalg.norm(b))
    straight: np.ndarray = (1 - w) * a + w * b
    if min(norms) == 0:
        return straight
    one, other = a / norms[0], b / norms[1]
    angle = 2 * np.arctan2(np.linalg.norm(one - other), np.linalg.norm(one + other))
    if np.sin(angle) < 1e-6:
        return straight
    round_ = (np.sin((1 - w) * angle) * one + np.sin(w * angle) * other) / np.sin(angle)
    out: np.ndarray = ((1 - w) * norms[0] + w * norms[1]) * round_
    return np.where(w == 0, a, np.where(w == 1, b, out))


def mixed(a: Condition, b: Condition, weights: Tensor, spec: DataSpec) -> Condition:
    """Mix two conditions, as networks take them.

    Labels become weights of all labels, which networks take for the mixture of what they learnt of each.

    Args:
        a, b: one condition each, (1, ...).
        weights: 0 for a, 1 for b, float32 (n,).
        spec: description of the conditions.

    Returns:
        The conditions, (n, ...).

    Raises:
        ZaohuaError: conditions of this kind can't be mixed.
    """
    if isinstance(a, Record) and isinstance(b, Record):
        specs, one = dict(spec.parts), weights.new_ones(len(weights), dtype=torch.bool)
        if any(bool(a.present[name].item()) != bool(b.present[name].item()) for name in a.present):
            raise ZaohuaError("both conditions of a morph need the same parts")
        parts = {name: mixed(a.parts[name], b.parts[name], weights, specs[name]) for name in a.parts.keys() & b.parts}
        return Record(
            {name: part for name, part in parts.items() if isinstance(part, Tensor)},
            {name: one & there for name, there in a.present.items()},
        )
    assert isinstance(a, Tensor) and isinstance(b, Tensor)
    if a.shape == b.shape and torch.equal(a, b):
        return a.expand(len(weights), *a.shape[1:])
    if spec.is_category and not spec.axes:
        a, b = (F.one_hot(label, spec.channels).float() for label in (a, b))
    elif spec.is_category or spec.is_row or a.shape != b.shape:
        raise ZaohuaError("conditions of this kind can't be mixed: only labels, and pictures or sounds of one size")
    w = weights.view(-1, *[1] * (a.ndim - 1))
    return (1 - w) * a + w * b


def _weights(n: int) -> np.ndarray:
    """Return n weights from 0 to 1."""
    return np.linspace(0, 1, whole_number("n", n, 2))


def _end(latents: Latents, name: str, end: object) -> np.ndarray:
    """Return the latents of an item, or those drawn for a seed, (size,)."""
    if isinstance(end, (int, np.integer)) and not isinstance(end, bool):
        return latents.of_seed(whole_number(name, end, 0))
    z = latents.of(end if isinstance(end, (str, Path)) else latents.model.codec_.as_items(end, None))
    if len(z) != 1:
        patch = getattr(latents.model.codec_, "patch", None)
        cut = f" patches of {patch} x {patch}, as this model learnt: give a picture of that size" if patch else ""
        raise ZaohuaError(f"{name} must be one item, and these are {len(z):,}{cut}")
    return np.asarray(z[0])
