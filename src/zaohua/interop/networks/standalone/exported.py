"""What exported models of every kind share: their settings, networks, noise, labels and items; see sampler.py.

It needs numpy, and onnxruntime for networks in .onnx files or torch for those in .pt2 files. Nothing is unpickled.
"""

from __future__ import annotations

import argparse
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Network = Callable[..., list[np.ndarray]]
"""Function of arrays to a list of arrays; the first axis of each is the batch."""


def load(folder: Path, name: str) -> Network:
    """Load a network from its .onnx or .pt2 file."""
    path = folder / f"{name}.onnx"
    if path.exists():
        import onnxruntime

        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        names = [value.name for value in session.get_inputs()]
        return lambda *inputs: list(session.run(None, dict(zip(names, inputs, strict=True))))
    import torch

    program = torch.export.load(path.with_suffix(".pt2")).module()

    def run(*inputs: np.ndarray) -> list[np.ndarray]:
        with torch.no_grad():
            out = program(*map(torch.from_numpy, inputs))
        return [part.numpy() for part in (out if isinstance(out, tuple) else (out,))]

    return run


class Exported(ABC):
    """An exported model: a folder with its networks and sampler.json."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings: dict[str, Any] = json.loads((folder / "sampler.json").read_text("utf-8"))
        self.network = load(folder, self.settings["networks"][0])

    @abstractmethod
    def sample(self, noise: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
        """Turn noise (n, ...) and indices of labels (n,) into tensors (n, ...), as the model itself does."""

    def noise(self, n: int, seed: int) -> np.ndarray:
        """Draw the noise of n items by numpy's generator; the model itself draws other numbers from the same seed."""
        return np.random.default_rng(seed).standard_normal((n, *self.settings["noise"]), np.float32)

    def labels(self, n: int, names: Sequence[str], seed: int) -> np.ndarray | None:
        """Return the indices of n labels: those named, in turn, else drawn as often as in the training data."""
        labels = self.settings["labels"]
        if labels is None:
            if names:
                raise SystemExit("this model has no labels: leave out --y")
            return None
        known: list[str] = labels["names"]
        wrong = [name for name in names if name not in known]
        if wrong:
            raise SystemExit(f"unknown label {wrong[0]!r}; known: {', '.join(known)}")
        if names:
            return np.array([known.index(names[i % len(names)]) for i in range(n)], np.int64)
        return np.random.default_rng([seed, 1]).choice(len(known), n, p=labels["frequencies"]).astype(np.int64)

    def guided(self, y: np.ndarray | None, *inputs: np.ndarray, guide: bool = True) -> list[np.ndarray]:
        """Run the network; if asked to, combine what it says of each item with and without its label by guidance."""
        weights = self.settings["guidance"] if guide and y is not None else None
        factors, shown = (weights["factors"], weights["shown"]) if weights else ([1.0], [True])
        n, times = len(inputs[0]), len(factors)
        several = [np.concatenate([part] * times) for part in inputs]
        if y is not None:
            several += [np.concatenate([y] * times), np.repeat(np.array(shown), n)]
        outputs, combined = self.network(*several), np.array(factors, np.float32)
        return [np.tensordot(combined, out.reshape(times, n, *out.shape[1:]), 1) for out in outputs]

    def items(self, x: np.ndarray) -> Any:
        """Turn tensors (n, channels, ...) in [-1, 1] into pictures (n, height, width[, channels]) or sounds."""
        kind = self.settings["items"]
        if kind["are"] == "pixels":
            low, span, levels = kind["low"], kind["high"] - kind["low"], kind["levels"]
            share = np.moveaxis(x, 1, -1).astype(np.float64).clip(-1, 1) / 2 + 0.5
            pixels = low + (share if levels is None else np.rint(share * (levels - 1)) / (levels - 1)) * span
            pixels = pixels.astype(kind["type"])
            return pixels if kind["channel_axis"] else pixels[..., 0]
        if kind["are"] == "waves":  # (n, channels, samples); mu-law compressed ones are expanded
            x, mu = x.clip(-1, 1), kind["mu"]
            return (np.sign(x) * np.expm1(np.abs(x) * np.log1p(mu)) / mu if mu else x)[..., : kind["length"]]
        return x

    def check(self) -> float:
        """Return the largest difference between tensors made here and by the model itself, of the same noise."""
        with np.load(self.folder / "check.npz") as known:
            made = self.sample(known["noise"], known["y"] if "y" in known else None)
            return float(np.abs(made - known["made"]).max())


def main(model: Exported) -> None:
    """Make items as the command line says."""
    parser = argparse.ArgumentParser(description=f"Make new items by an exported {model.settings['model']}.")
    parser.add_argument("-n", type=int, default=4, help="how many items")
    parser.add_argument(
        "--y", action="append", default=[], metavar="LABEL", help="label of the items; several take turns"
    )
    parser.add_argument("--seed", type=int, default=model.settings["seed"], help="seed of the noise and of labels")
    parser.add_argument("--noise", metavar="FILE", help="a .npy file of noise to use instead, (n, ...)")
    parser.add_argument("--prompt", help="text that texts continue")
    parser.add_argument(
        "--out", default="samples.npy", help="the file to write, by default samples.npy; texts are printed"
    )
    parser.add_argument("--check", action="store_true", help="compare with what the model itself made of some noise")
    given = parser.parse_args()
    if given.check:
        print(f"largest difference from the model: {model.check():.2g}")
        return
    if given.prompt is not None:
        model.settings.update(prompt=given.prompt, opening=None)
    noise = model.noise(given.n, given.seed) if given.noise is None else np.load(given.noise).astype(np.float32)
    items = model.items(model.sample(noise, model.labels(len(noise), given.y, given.seed)))
    if isinstance(items, list):
        print(f"\n{'-' * 40}\n".join(items))
        return
    np.save(given.out, items)
    print(f"{given.out}: {items.dtype} {items.shape}")
