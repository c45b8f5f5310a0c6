"""What restores digits without a network: baselines, each with settings chosen on training pictures.

The Gaussian posterior is the mean of x given what is seen if pictures were normal with the mean and full covariance of
the training pictures; the nearest item is the training picture whose degraded version is nearest to what is seen, with
the known pixels put in. Both are told nothing but the training pictures. The others use what neighbouring pixels have
in common: bicubic interpolation (with and without back-projection, which makes the result agree with what was seen),
biharmonic inpainting, total variation, non-local means, a median, and Richardson and Lucy's deconvolution.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import torch
from digits_tasks import SIDE, Task, in_batches
from scipy.ndimage import median_filter
from skimage import restoration
from torch import Tensor
from torch.nn import functional as F

from zaohua.operators.base import Observation
from zaohua.operators.blur import Blur
from zaohua.operators.resizing import Downscale


class Training:
    """Training pictures (n, 1, 28, 28), and their mean and covariance as vectors of 784 numbers."""

    def __init__(self, pictures: Tensor) -> None:
        self.pictures, vectors = pictures, pictures.flatten(1).double()
        self.mean, self.covariance = vectors.mean(0), vectors.T.cov()


Method = Callable[..., Tensor]
"""(observation, task, training, settings) -> restored pictures, (n, 1, 28, 28)."""


def gaussian(given: Observation, task: Task, training: Training, jitter: float) -> Tensor:
    """Compute the mean of x given what is seen, if x were normal like the training pictures.

    Args:
        given: what is seen.
        task: of what.
        training: the training pictures.
        jitter: variance added to that of the noise, since covariances of dark corners are singular.
    """
    eye = torch.eye(SIDE**2).view(-1, 1, SIDE, SIDE)
    a = task.operator(eye).flatten(1).T.double()
    total = a @ training.covariance @ a.T + (task.sigma**2 + jitter) * torch.eye(len(a))
    rest = given.seen.flatten(1).double() - training.mean @ a.T
    found = training.mean + rest @ torch.linalg.solve(total, a @ training.covariance)
    return known(found.view(-1, 1, SIDE, SIDE).float(), given, task)


def nearest_item(given: Observation, task: Task, training: Training) -> Tensor:
    """Find the training picture whose degraded version is nearest to what is seen."""
    seen = in_batches(task.operator, training.pictures).flatten(1)
    distances = seen.square().sum(1) - 2 * given.seen.flatten(1) @ seen.T
    return known(training.pictures[distances.argmin(1)], given, task)


def known(x: Tensor, given: Observation, task: Task) -> Tensor:
    """Put the pixels that a mask doesn't hide into restored pictures."""
    return x if task.mask is None else torch.where(torch.from_numpy(task.mask), x, given.seen)


def bicubic(given: Observation, task: Task, training: Training, rounds: int = 0) -> Tensor:
    """Interpolate between means of blocks, and add what is missing of them so many times."""

    def grow(y: Tensor) -> Tensor:
        return F.interpolate(y, (SIDE, SIDE), mode="bicubic", align_corners=False)

    x = grow(given.seen)
    for _ in range(rounds):
        x = x + grow(given.seen - task.operator(x.clamp(-1, 1)))
    return x


def one_by_one(f: Callable[..., np.ndarray]) -> Method:
    """Return a method that restores one picture at a time, with values from 0 to 1 (noisy ones a little beyond)."""

    def method(given: Observation, task: Task, training: Training, **settings: Any) -> Tensor:
        seen = ((given.seen + 1) / 2).squeeze(1).double().numpy()
        found = np.stack([f(picture, task, **settings) for picture in seen])
        return torch.from_numpy(found).float().unsqueeze(1) * 2 - 1

    return method


def biharmonic(picture: np.ndarray, task: Task) -> np.ndarray:
    """Fill in by the biharmonic equation."""
    return np.asarray(restoration.inpaint_biharmonic(picture, task.mask))


def total_variation(picture: np.ndarray, task: Task, weight: float) -> np.ndarray:
    """Minimise the total variation (Chambolle)."""
    return np.asarray(restoration.denoise_tv_chambolle(picture, weight=weight))


def non_local(picture: np.ndarray, task: Task, h: float, patch: int) -> np.ndarray:
    """Average pixels whose surroundings are alike."""
    sigma = task.sigma / 2
    found = restoration.denoise_nl_means(
        picture, patch_size=patch, patch_distance=11, h=h * sigma, sigma=sigma, fast_mode=True
    )
    return np.asarray(found)


def median(picture: np.ndarray, task: Task, size: int) -> np.ndarray:
    """Take the median of the surroundings."""
    return np.asarray(median_filter(picture, size))


def richardson_lucy(picture: np.ndarray, task: Task, rounds: int) -> np.ndarray:
    """Deconvolve with the true kernel."""
    point = torch.zeros(1, 1, SIDE + 1, SIDE + 1)
    point[..., SIDE // 2, SIDE // 2] = 1
    kernel = task.operator(point)[0, 0].numpy()[5:-5, 5:-5]
    return np.asarray(restoration.richardson_lucy(np.clip(picture, 0, 1), kernel, num_iter=rounds, filter_epsilon=1e-3))


def methods(task: Task) -> dict[str, tuple[Method, list[dict[str, Any]]]]:
    """Return the baselines of a task, and the settings that each can choose from."""
    found: dict[str, tuple[Method, list[dict[str, Any]]]] = {
        "Gaussian posterior": (gaussian, [{"jitter": jitter} for jitter in (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)]),
        "nearest training item": (nearest_item, [{}]),
    }
    if task.mask is not None:
        found["biharmonic"] = one_by_one(biharmonic), [{}]
    elif isinstance(task.operator, Downscale):
        found["bicubic"] = bicubic, [{}]
        found["bicubic, back-projected"] = bicubic, [{"rounds": n} for n in (1, 2, 5, 10, 20, 50, 100, 200)]
    elif isinstance(task.operator, Blur):
        found["Richardson-Lucy"] = one_by_one(richardson_lucy), [{"rounds": n} for n in (3, 5, 10, 20, 30, 50, 100)]
    else:
        weights = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
        found["total variation"] = one_by_one(total_variation), [{"weight": weight} for weight in weights]
        choices = [{"h": h, "patch": patch} for h, patch in product((0.4, 0.6, 0.8, 1.0, 1.3), (3, 5, 7))]
        found["non-local means"] = one_by_one(non_local), choices
        found["median"] = one_by_one(median), [{"size": n} for n in (3, 5)]
    return found
