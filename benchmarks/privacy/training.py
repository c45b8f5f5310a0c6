"""Handwritten digits from a private model: how well a classifier of real ones learns from its samples alone.

    ZAOHUA_DATA=... python benchmarks/privacy/training.py vae --epsilon 10 --minutes 20
    ZAOHUA_DATA=... python benchmarks/privacy/training.py vae --epsilon 10 --minutes 20 --set private_draws=4

A model of MNIST's 60,000 training digits given their labels is trained with a guarantee (delta 1e-5), labelled samples
are drawn, a small convolutional network learns from them, and is asked about the 10,000 test digits. Printed as JSON:
its accuracy, the guarantee, the settings, the steps, and minutes of CPU time of this process on one thread.

The number of steps must be known before the first one, so it is what `--minutes` are enough for at the speed of a few
steps of a training that is thrown away.
"""

from __future__ import annotations

import argparse
import ast
import json
import time
from pathlib import Path
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import torch
from torch import Tensor, nn

from zaohua.modalities.datasets import load

SETTINGS: dict[str, dict[str, Any]] = {
    "vae": {
        "channels": 8,
        "latent_dim": 8,
        "batch_size": 2048,
        "learning_rate": 3e-3,
        "kl_warmup": 0.0,
        "ema_decay": 0.99,
        "temperature": 1.0,
    },
    "flow": {"channels": 8, "batch_size": 2048, "learning_rate": 3e-3, "ema_decay": 0.99, "steps": 20},
}
PROBED = 3
"""Steps whose speed is measured."""


def model_of(name: str, **changes: Any) -> Any:
    """Return an untrained model."""
    cls = {"vae": zh.VAE, "flow": zh.Flow}[name]
    codec = zh.ImageCodec(binarize="dynamic") if name == "vae" else zh.ImageCodec()
    return cls(codec=codec, random_state=0, device="cpu", delta=1e-5, **{**SETTINGS[name], **changes})


def judge(x: np.ndarray, y: np.ndarray, epochs: int, seed: int = 0) -> nn.Module:
    """Train a classifier of digits."""
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(32 * 49, 10),
    )  # fmt: skip
    images, labels = pixels(x), torch.from_numpy(y)
    steps = epochs * len(x) // 128
    optimizer = torch.optim.AdamW(net.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in range(steps):
        rows = torch.randint(len(images), (128,))
        nn.functional.cross_entropy(net(images[rows]), labels[rows]).backward()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    return net.eval()


def accuracy(net: nn.Module, x: np.ndarray, y: np.ndarray) -> float:
    """Return the share of digits that a classifier recognises."""
    with torch.no_grad():
        found = torch.cat([net(part).argmax(1) for part in pixels(x).split(1000)])
    return float((found.numpy() == y).mean())


def pixels(x: np.ndarray) -> Tensor:
    """Return images as the classifier sees them."""
    return torch.from_numpy(x).float()[:, None] / 127.5 - 1


def seconds_per_step(name: str, images: Any, labels: Any, **changes: Any) -> float:
    """Measure the CPU time of a step."""
    times: list[float] = []
    quick = {**changes, "max_steps": PROBED + 1}
    model = model_of(name, **quick)
    model.fit(images, labels, callbacks=[lambda event: times.append(time.process_time())])
    return (times[-2] - times[-2 - PROBED]) / PROBED


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=sorted(SETTINGS))
    parser.add_argument("--epsilon", type=float, default=10.0)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--steps", type=int, help="number of steps instead of minutes")
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--out", type=Path, help="run folder, and a sheet of samples beside it")
    options = parser.parse_args()
    torch.set_num_threads(1)
    changes = {key: _value(value) for key, value in (pair.split("=", 1) for pair in options.set)}
    changes["epsilon"] = options.epsilon if options.epsilon > 0 else None
    if changes["epsilon"] is None:
        changes["delta"] = None
    (images, labels), (test_images, test_labels) = load("mnist", "train"), load("mnist", "test")
    steps = options.steps
    if steps is None:
        steps = int(60 * options.minutes / seconds_per_step(options.model, images, labels, **changes))
    start = time.process_time()
    model = model_of(options.model, **changes, max_steps=steps)
    model.fit(images, labels, out=options.out, overwrite=True, callbacks=[])
    trained = time.process_time()
    y = [int(label) for label in np.arange(options.samples) % 10]
    names = sorted(set(labels), key=str)
    samples = model.sample(y=[names[label] for label in y], random_state=1)
    drawn = time.process_time()
    classes = {name: index for index, name in enumerate(names)}
    net = judge(samples, np.array(y), options.epochs)
    true = np.array([classes[label] for label in test_labels])
    if options.out:
        zh.write(samples[:100], Path(f"{options.out}.png"))
    print(
        json.dumps(
            {
                "model": options.model,
                "accuracy": round(accuracy(net, test_images, true), 4),
                "guarantee": None if model.guarantee is None else str(model.guarantee),
                "method": None if model.guarantee is None else model.guarantee.method,
                "settings": {**SETTINGS[options.model], **changes, "max_steps": steps},
                "weights": sum(tensor.numel() for tensor in model.tensors().values()),
                "minutes": round((trained - start) / 60, 2),
                "minutes_of_sampling": round((drawn - trained) / 60, 2),
            }
        )
    )


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


if __name__ == "__main__":
    main()
