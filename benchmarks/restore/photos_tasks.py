"""Photographs, what happens to them, and what is usually done about it; see `photos.py`."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import torch
from PIL import Image
from skimage import restoration
from torch.nn import functional as F

from zaohua.core.noise import ItemNoise
from zaohua.metrics.restored import psnr
from zaohua.modalities.images.observed import seen_by
from zaohua.operators.degradation import Degradation
from zaohua.operators.step import Units

DATA = Path(os.environ.get("ZAOHUA_DATA", "data"), "photos")
LEARNT, TESTED = range(1, 49), range(49, 69)
"""Numbers of the photographs of BSD68 that are learnt, and of those that are restored."""
UNITS = Units(0.0, 127.5)
TASKS = {
    "noise15": "noise 15",
    "noise25": "noise 25",
    "noise50": "noise 50",
    "x2": "downscale 2",
    "x4": "downscale 4",
    "deblur": "blur 1.5 | noise 2",
    "random": "mask random 0.5",
    "box": "",
}
"""Degradations. Noise is added to floats, nothing is clipped or rounded; "box" hides 32 x 32 pixels in the middle."""
BOX = 32
TUNED = 4
"""Number of learnt photographs on which settings of the baselines are chosen."""


@dataclass(frozen=True)
class Case:
    """A photograph, what is seen of it, and a mask of what is (None for all).

    Attributes:
        name: the file's.
        real: uint8 (H, W).
        seen: float64, of any size.
        mask: True where it is seen, or None.
    """

    name: str
    real: np.ndarray
    seen: np.ndarray
    mask: np.ndarray | None


def photographs(numbers: range) -> list[Path]:
    """Return photographs of BSD68 by number."""
    return [DATA / "bsd68" / f"test{number:03d}.png" for number in numbers]


def tested(data: str) -> list[Path]:
    """Return the files of a test set."""
    if data == "bsd68":
        return photographs(TESTED)
    found = sorted(path for path in (DATA / "set5").iterdir() if path.suffix in (".png", ".bmp"))
    if not found:
        raise SystemExit(f"{DATA / 'set5'} holds no .png or .bmp files: put the photographs of Set5 there")
    return found


def cases(paths: list[Path], task: str, seed: int = 0) -> list[Case]:
    """Degrade photographs, in grey and cut to multiples of 4 pixels; each has noise of its own, by the seed."""
    found = []
    for number, path in enumerate(paths):
        real = np.asarray(Image.open(path).convert("L"))
        real = real[: real.shape[0] // 4 * 4, : real.shape[1] // 4 * 4]
        found.append(_case(path.stem, real, task, 1000 * seed + number))
    return found


def _case(name: str, real: np.ndarray, task: str, seed: int) -> Case:
    if task == "box":
        mask = np.ones(real.shape, bool)
        top, left = ((n - BOX) // 2 for n in real.shape)
        mask[top : top + BOX, left : left + BOX] = False
        return Case(name, real, np.where(mask, real, 127.5), mask)
    x, noise = torch.from_numpy(real.astype(np.float32) / 127.5 - 1)[None, None], ItemNoise([seed])
    drawn = Degradation.parse(TASKS[task]).in_units(UNITS).drawn((1, *real.shape), noise)
    seen, mask = (drawn(x, noise)[0, 0].double().numpy() + 1) * 127.5, seen_by(drawn, (1, *real.shape))
    return Case(name, real, seen, None if mask is None else mask.reshape(real.shape).numpy())


def observations(case: Case) -> tuple[np.ndarray, np.ndarray | None]:
    """Return what `zaohua.restore` is given: what is seen, and the mask."""
    return case.seen[None], None if case.mask is None else case.mask[None]


# ---- baselines

Method = Callable[[Case], np.ndarray]


def methods(task: str) -> dict[str, Method]:
    """Return the usual methods of a task, their settings chosen on learnt photographs."""
    if task.startswith("noise"):
        sigma = float(task.removeprefix("noise"))
        tv = [functools.partial(_tv, weight=weight) for weight in (0.03, 0.06, 0.09, 0.13, 0.18, 0.25)]
        nlm = [functools.partial(_nlm, sigma=sigma, h=h) for h in (0.5, 0.65, 0.8, 1.0)]
        wavelet = functools.partial(_wavelet, sigma=sigma)
        return {"nothing": _nothing, "TV": _best(tv, task), "NLM": _best(nlm, task), "wavelet": wavelet}
    if task in ("x2", "x4"):
        return {"bicubic": _bicubic}
    if task == "deblur":
        steps = [functools.partial(_richardson_lucy, steps=n) for n in (5, 10, 20)]
        return {"nothing": _nothing, "Richardson-Lucy": _best(steps, task)}
    return {"biharmonic": _biharmonic}


def _best(candidates: list[functools.partial[np.ndarray]], task: str) -> Method:
    """Return the candidate with the highest PSNR on learnt photographs."""
    examples = cases(photographs(LEARNT[:TUNED]), task, seed=1)

    def quality(method: Method) -> float:
        return float(np.mean([psnr(method(case)[None], case.real[None])[0] for case in examples]))

    return max(candidates, key=quality)


def _nothing(case: Case) -> np.ndarray:
    return case.seen


def _tv(case: Case, weight: float) -> np.ndarray:
    return np.asarray(restoration.denoise_tv_chambolle(case.seen / 255, weight=weight)) * 255


def _nlm(case: Case, sigma: float, h: float) -> np.ndarray:
    patches = {"patch_size": 5, "patch_distance": 6, "fast_mode": True}
    return (
        np.asarray(restoration.denoise_nl_means(case.seen / 255, h=h * sigma / 255, sigma=sigma / 255, **patches)) * 255
    )


def _wavelet(case: Case, sigma: float) -> np.ndarray:
    return np.asarray(restoration.denoise_wavelet(case.seen / 255, sigma=sigma / 255, rescale_sigma=True)) * 255


def _bicubic(case: Case) -> np.ndarray:
    seen = torch.from_numpy(case.seen)[None, None]
    return F.interpolate(seen, case.real.shape, mode="bicubic")[0, 0].numpy()


def _richardson_lucy(case: Case, steps: int) -> np.ndarray:
    at = np.arange(-7, 8)
    kernel = np.exp(-(at[:, None] ** 2 + at**2) / (2 * 1.5**2))
    padded = np.pad(case.seen, 16, mode="symmetric") / 255
    out = restoration.richardson_lucy(padded.clip(1e-3, 1), kernel / kernel.sum(), num_iter=steps)
    return np.asarray(out)[16:-16, 16:-16] * 255


def _biharmonic(case: Case) -> np.ndarray:
    assert case.mask is not None
    return np.asarray(restoration.inpaint_biharmonic(case.seen / 255, ~case.mask)) * 255


def restored(model: zh.Flow | zh.Restorer, case: Case, task: str, n_samples: int, steps: int) -> np.ndarray:
    """Restore with a model of ours: one that was trained for the task, or one that was trained for none."""
    seen, mask = observations(case)
    own = getattr(model, "degrade", None)
    degradation = None if own is not None or mask is not None else TASKS[task]
    options = {} if own is not None else {"n_samples": n_samples, "steps": steps}
    best: np.ndarray = zh.restore(model, seen, degradation, mask=mask, random_state=0, **options).best
    return best[0]
