"""Latents of items, with any model that has some: what lies between items, and directions in which they change.

Latents are as if drawn from N(0, 1). They are what `transform` gives; of diffusion models without it the noise at the
other end of the ODE; of GANs what a search finds, see `families.latent_search`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zaohua.core.arrays import as_array
from zaohua.core.errors import NotAvailable, ZaohuaError
from zaohua.core.memory import in_chunks
from zaohua.core.noise import Noise
from zaohua.core.params import fields_of
from zaohua.core.record import Condition
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.tensors import expand_condition, to_cpu
from zaohua.families.latent_search import LatentSearch
from zaohua.families.ode import to_data, to_noise
from zaohua.operators.base import Identity, Observation

STEPS = 50
"""Steps of the ODE of a diffusion model."""
SEARCH = LatentSearch(starts=4, steps=200, least=0.05)
"""Search for the latents of items of a GAN."""


class Latents:
    """Latents of a fitted model.

    Args:
        model: the model.
        y: one condition for all items, as `sample` takes it; None for none.

    Attributes:
        how: how the latents of items are found, in a clause.

    Raises:
        ZaohuaError: the model has no latents that are as if drawn from N(0, 1), or needs a condition.
    """

    def __init__(self, model: GenerativeModel, y: object = None) -> None:
        has = {name: hasattr(model, name) for name in ("transform", "inverse_transform", "denoiser")}
        if not model.normal_latents or not (has["inverse_transform"] or has["denoiser"]):
            raise NotAvailable(
                f"a {type(model).__name__} has no latents between which anything lies: it takes a VAE, a GAN, or a "
                "diffusion or flow model"
            )
        if y is None and not getattr(model, "condition_dropout", 0):
            model.require_conditions(None)  # it never learnt what items are like without
        if not has["inverse_transform"] and "guidance" in fields_of(type(model)):
            model = model.with_options(guidance=1.0)  # which the way back couldn't undo
        self.model, self.y = model, model.condition(y, 1)
        if has["inverse_transform"]:
            self.encode, self.how = (self._coded, "encoded") if has["transform"] else (self._searched, "searched for")
        else:
            self.encode, self.how = self._noised, "followed to noise along the ODE"

    @property
    def size(self) -> int:
        """Number of latents of an item."""
        return self.model.latent_size or self.model.spec_.size

    def of(self, X: object) -> np.ndarray:
        """Return the latents of items, float64 (n, size)."""
        encoded = self.model.encode_items(X)
        z = self.model.map_items(lambda x, _, noise: self.encode(x, expand_condition(self.y, len(x)), noise), encoded)
        self.model.refuse_invalid(~np.isfinite(z).all(1))
        return z

    def of_seed(self, seed: int) -> np.ndarray:
        """Return the latents that are drawn for a seed, float64 (size,)."""
        z: np.ndarray = self.model.item_noise(1, seed).normal(self.size)[0].double().cpu().numpy()
        return z

    def items(self, z: np.ndarray) -> Any:
        """Return the items of latents (n, size)."""
        noise = torch.from_numpy(z.astype(np.float32)).to(self.model.device_)
        with self.model.inference():
            parts = in_chunks(len(noise), self.model.at_once(), lambda rows: to_cpu(self._decoded(noise[rows])))
        return self.model.decode_tensors(torch.cat(parts))

    def _decoded(self, z: Tensor) -> Tensor:
        if hasattr(self.model, "inverse_transform"):
            x: Tensor = self.model.decode(z, expand_condition(self.y, len(z)))
            return x
        return to_data(self.model.denoiser(self.y), z.view(-1, *self.model.spec_.tensor_shape), STEPS)

    def _coded(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        z: Tensor = self.model.encode(x, y, noise)
        return z

    def _noised(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        return to_noise(self.model.denoiser(y), x, STEPS).flatten(1)

    def _searched(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        def decode(z: Tensor, which: Tensor) -> Tensor:
            decoded: Tensor = self.model.decode(z, y)
            return decoded

        return SEARCH(decode, self.size, Observation(x, Identity()), noise).z


def direction(model: GenerativeModel, X: object, has: Sequence[bool], *, y: object = None) -> np.ndarray:
    """Return the direction in latent space in which items gain an attribute.

    It is the mean of the latents of items with the attribute, less that of items without it.

    Args:
        model: fitted model with latents: a VAE, a GAN, or a diffusion or flow model.
        X: items.
        has: whether each has the attribute, (n,), such as `labels == "smiling"`.
        y: one condition for all, for models that need one.

    Returns:
        float64 (size,).

    Raises:
        ZaohuaError: the model has no latents, or not both kinds of items are given.
    """
    z = Latents(model, y).of(X)
    mask = as_array(has, "has")
    if mask.shape != (len(z),) or mask.dtype.kind not in "bui":
        raise ZaohuaError(f"has must be True or False for each of the {len(z):,} items, not {mask.shape} {mask.dtype}")
    mask = mask.astype(bool)
    if mask.all() or not mask.any():
        raise ZaohuaError("the direction of an attribute needs items with it and items without it")
    difference: np.ndarray = z[mask].mean(0) - z[~mask].mean(0)
    return difference


def shift(model: GenerativeModel, X: object, direction: np.ndarray, amount: float = 1.0, *, y: object = None) -> Any:
    """Move items along a direction in latent space: give them an attribute, or take it away.

    Args:
        model: fitted model with latents.
        X: items.
        direction: as `direction` returns it, (size,).
        amount: how far: 1 for the way from the mean without the attribute to that with it; negative for the way back.
        y: one condition for all, for models that need one.

    Returns:
        The items; with an amount of 0, what the model makes of them (their reconstructions).

    Raises:
        ZaohuaError: the model has no latents, or the direction is another model's.
    """
    latents = Latents(model, y)
    along = as_array(direction, "direction")
    if along.shape != (latents.size,):
        raise ZaohuaError(f"a direction of this {type(model).__name__} has {latents.size} numbers, not {along.shape}")
    return latents.items(latents.of(X) + amount * along)
