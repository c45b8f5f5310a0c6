"""Diffusion and flow models as bundles: the denoiser, and the path of its sampler."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from zaohua.core.json import Json
from zaohua.core.record import Condition
from zaohua.families.diffusion import Diffusion
from zaohua.interop.networks.bundles import (
    EXAMPLES,
    Bundle,
    Network,
    arrays,
    common_settings,
    example_labels,
    made,
    twin,
)


def takes(cls: type) -> bool:
    """Return whether models of a class are exported so."""
    return issubclass(cls, Diffusion)


def refusal(model: Diffusion[Any]) -> str | None:
    """Return why a model can't be exported; None if it can."""
    return None


def bundle(model: Diffusion[Any]) -> Bundle:
    """Return a denoiser (x_t, t) or (x_t, t, y, keep) -> (data, noise), and the path from noise to data."""
    model = twin(model)
    net, labels = model.nets_["net"], example_labels(model)

    def denoise(x_t: Tensor, t: Tensor, y: Condition | None = None, keep: Tensor | None = None) -> tuple[Tensor, ...]:
        return model.predict(net, x_t, t, y, keep)

    x_t = torch.zeros(EXAMPLES, *model.spec_.tensor_shape)
    network = Network("denoiser", net, denoise, {"x_t": x_t, "t": torch.ones(EXAMPLES), **labels}, ("data", "noise"))
    x, drawn, y = made(model)
    noise = torch.stack(drawn, 1)
    settings = {
        **common_settings(model),
        "networks": ["denoiser"],
        "noise": list(noise.shape[1:]),
        "sampler": model.sampler,
        "clip": model.spec_.levels is not None,
        "path": path(model),
    }
    return Bundle("diffusion", (network,), settings, arrays(noise=noise, y=y, made=x))


def path(model: Diffusion[Any]) -> Json:
    """Return the points of the sampler's steps and those halfway between: t, alpha, sigma, and whether to guide."""
    times = model.times(model.steps)
    points = torch.cat([torch.stack([times[:-1], (times[:-1] + times[1:]) / 2], 1).flatten(), times[-1:]])
    schedule = model.noise_schedule
    return {
        "t": points.tolist(),
        "alpha": schedule.alpha(points).tolist(),
        "sigma": schedule.sigma(points).tolist(),
        "guided": [model.guides(t) for t in points],
    }
