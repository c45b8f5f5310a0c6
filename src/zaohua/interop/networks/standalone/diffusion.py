"""Make new items by an exported diffusion or flow model: `python sampler.py --help`.

    import numpy as np
    from sampler import Diffusion
    model = Diffusion()
    pictures = model.items(model.sample(model.noise(16, seed=0), model.labels(16, [], seed=0)))

At each point of the path, x_t = alpha x + sigma e. The network estimates the data x and the noise e from x_t and t. The
sampler goes from point to point: sampler.json holds the points, two for each step, the second halfway. Noise is
(n, draws, channels, ...), standard normal: x_t at the first point is made of the first draw, and only the ancestral
sampler needs more.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from zaohua.interop.networks.standalone.exported import Exported, main


class Diffusion(Exported):
    """A denoiser, and the path from noise to data."""

    def __init__(self, folder: Path = Path(__file__).parent) -> None:
        super().__init__(folder)
        path = self.settings["path"]
        self.t: list[float] = path["t"]
        self.alpha: list[float] = path["alpha"]
        self.sigma: list[float] = path["sigma"]
        self.guides: list[bool] = path["guided"]
        self.before: tuple[np.ndarray, float] | None = None

    def sample(self, noise: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
        """Turn noise (n, draws, channels, ...) and indices of labels (n,) into tensors (n, channels, ...)."""
        self.before, x = None, noise[:, 0] * self.sigma[0]
        for i in range(0, len(self.t) - 1, 2):
            x = self.step(x, i, i + 2, y, noise[:, 1 + i // 2] if 1 + i // 2 < noise.shape[1] else None)
        return x

    def denoise(self, x: np.ndarray, i: int, y: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Estimate data and noise from x at point i."""
        times = np.full(len(x), self.t[i], np.float32)
        data, e = self.guided(y, x, times, guide=self.guides[i])
        if self.settings["clip"] and self.sigma[i] > 0:
            inside = data.clip(-1, 1)
            return inside, e + self.alpha[i] / self.sigma[i] * (data - inside)
        return data, e

    def move(self, x: np.ndarray, data: np.ndarray, e: np.ndarray, i: int, j: int) -> np.ndarray:
        """Go from point i to point j with constant estimates of data and noise."""
        return x + (self.alpha[j] - self.alpha[i]) * data + (self.sigma[j] - self.sigma[i]) * e

    def step(self, x: np.ndarray, i: int, j: int, y: np.ndarray | None, fresh: np.ndarray | None) -> np.ndarray:
        """Go from point i to point j as the sampler does."""
        kind, (data, e) = self.settings["sampler"], self.denoise(x, i, y)
        if kind == "midpoint":
            data, e = self.denoise(self.move(x, data, e, i, i + 1), i + 1, y)
        elif kind == "heun" and self.sigma[j] > 0:
            data_j, e_j = self.denoise(self.move(x, data, e, i, j), j, y)
            data, e = (data + data_j) / 2, (e + e_j) / 2
        elif kind == "dpmpp_2m":
            return self.multistep(x, data, i, j)
        elif kind == "ancestral":
            variance = self.sigma[j] ** 2 * (1 - (self.sigma[j] * self.alpha[i] / (self.alpha[j] * self.sigma[i])) ** 2)
            x = self.alpha[j] * data + max(self.sigma[j] ** 2 - variance, 0.0) ** 0.5 * e
            return x if fresh is None else x + variance**0.5 * fresh
        return self.move(x, data, e, i, j)

    def multistep(self, x: np.ndarray, data: np.ndarray, i: int, j: int) -> np.ndarray:
        """Go from point i to point j with the estimate of data extrapolated from the step before (DPM-Solver++ 2M)."""
        shrink = self.sigma[j] * self.alpha[i] / (self.sigma[i] * self.alpha[j])
        h = -math.log(shrink) if shrink > 0 else math.inf
        guess = data
        if self.before is not None and self.sigma[j] > 0 and math.isfinite(self.before[1]):
            guess = data + (data - self.before[0]) * (h / (2 * self.before[1]))
        self.before = data, h
        return self.sigma[j] / self.sigma[i] * x + self.alpha[j] * (1 - shrink) * guess


if __name__ == "__main__":
    main(Diffusion())
