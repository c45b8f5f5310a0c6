"""Fill in the missing part of pictures with a model that was never trained for it: RePaint in one file.

In each step from t to s, the known pixels are noised to s and put in place of what the sampler made of them. Then x_s
is noised back to t and the step is repeated, `turns` times in all, so that the rest comes to fit what is known.

Source: Lugmayr et al., "RePaint: Inpainting using Denoising Diffusion Probabilistic Models", 2022 (arXiv:2201.09865),
algorithm 1. There each step is an ancestral one; those of second order keep the variance of the rest.

    python examples/inpaint_repaint.py --max-steps 1000 --out inpainted.png
"""

import argparse
from typing import Any

import numpy as np
import torch
from torch import Tensor

import zaohua as zh
from zaohua.core.noise import Noise
from zaohua.estimator.denoiser import Denoiser
from zaohua.families.samplers import SAMPLERS, Sampler


class RePaint(Sampler):
    """A sampler that holds some numbers of x at known values.

    Args:
        sampler: makes the single steps.
        known: the known values, (B, ...); whatever elsewhere.
        mask: True where they are known, of a shape that broadcasts to (B, ...).
        turns: how often each step is done.
    """

    def __init__(self, sampler: Sampler, known: Tensor, mask: Tensor, turns: int = 10) -> None:
        self.sampler, self.known, self.mask, self.turns = sampler, known, mask, turns

    def step(self, denoiser: Denoiser, x_t: Tensor, t: Tensor, s: Tensor, noise: Noise | None = None) -> Tensor:
        """Go from x_t to x_s, and back and again."""
        assert noise is not None
        alpha, sigma, shape = denoiser.schedule.alpha, denoiser.schedule.sigma, x_t.shape[1:]
        turns = self.turns if s > 0 else 1
        for turn in range(turns):
            x_s = self.sampler.step(denoiser, x_t, t, s, noise)
            x_s = torch.where(self.mask, alpha(s) * self.known + sigma(s) * noise.normal(*shape), x_s)
            if turn + 1 < turns:
                kept = alpha(t) / alpha(s)
                x_t = kept * x_s + torch.sqrt(sigma(t) ** 2 - (kept * sigma(s)) ** 2) * noise.normal(*shape)
        return x_s


def inpaint(model: Any, images: np.ndarray, mask: np.ndarray, y: Any = None, steps: int = 50, turns: int = 5) -> Any:
    """Fill in images (n, H, W) where mask (H, W) is False; y is what they are of, if the model knows labels."""
    x = model.prepare_items(model.encode_items(images)).x
    denoiser, noise = model.denoiser(model.condition(y, len(x))), model.item_noise(len(x), random_state=0)
    sampler = RePaint(SAMPLERS[model.sampler](), x, torch.as_tensor(mask, device=x.device), turns)
    with torch.no_grad():
        x = sampler.sample(denoiser, denoiser.times(steps), denoiser.start(noise.normal(*x.shape[1:])), noise)
    return model.decode_tensors(x)


def main() -> None:
    """Train on digits, hide the lower half of some and fill it in: rows of originals, holes and results."""
    parser = argparse.ArgumentParser(description="Fill in the lower half of digits by RePaint.")
    parser.add_argument("--max-steps", type=int, default=1000, help="training steps")
    parser.add_argument("--out", default="inpainted.png", help="picture to write")
    options = parser.parse_args()
    images, labels = zh.read("digits", y=True)
    model = zh.Flow(random_state=0, max_steps=options.max_steps).fit(images, labels)
    mask = np.arange(8)[:, None].repeat(8, 1) < 4
    made = inpaint(model, images[:10], mask, labels[:10])
    print(model.codec_.write_sheet(np.concatenate([images[:10], images[:10] * mask, made]), options.out, columns=10))


if __name__ == "__main__":
    main()
