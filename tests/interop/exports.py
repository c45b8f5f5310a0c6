"""For the tests of exports: small models with stirred weights, and samplers in a Python that has numpy only."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.trainings import digits, make

from zaohua.interop.networks.bundles import Bundle, Network
from zaohua.interop.networks.folders import sampler_of, write_bundle
from zaohua.interop.networks.standalone import exported, latent

TEXTS = [f"{i} little letters on a line, {i * i} and some more" for i in range(12)]
HOLE = (
    "import runpy, sys; sys.modules.update(dict.fromkeys(('torch', 'zaohua', 'scipy', 'pandas', 'sklearn', 'PIL')));"
    "sys.path.insert(0, sys.argv[1]); del sys.argv[0]; sys.argv[0] += '/sampler.py';"
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)
"""Program that runs sampler.py of a folder where this package, torch and other libraries can't be imported."""


def small(name: str, labels: bool = False, X: Any = None, **fields: Any) -> Any:
    """A model after one step, with weights that are none of those that a network has at first."""
    items, y = (TEXTS, [0, 1, 2] * 4) if name == "GPT" else digits(40)
    model = make(name, 1, **fields).fit(items if X is None else X, y if labels else None)
    generator = torch.Generator().manual_seed(0)
    for p in model.nets_.parameters():
        p += 0.1 * torch.randn(p.shape, generator=generator)
    return model


def inputs_of(network: Network, n: int, length: int | None = None) -> list[torch.Tensor]:
    """Random inputs of n items; those that have a length get another one if it is given."""
    generator = torch.Generator().manual_seed(n)
    made = []
    for name, example in network.inputs.items():
        shape = (n, *example.shape[1:]) if length is None or name not in network.lengths else (n, length)
        if example.is_floating_point():
            made.append(torch.rand(shape, generator=generator))
        else:
            made.append(
                torch.randint(0, 2 if example.dtype == torch.bool else 3, shape, generator=generator).to(example)
            )
    return made


def outputs_of(network: Network, inputs: list[torch.Tensor]) -> list[np.ndarray]:
    """What the model's own network says."""
    with torch.no_grad():
        out = network.compute(*inputs)
    return [part.numpy() for part in (out if isinstance(out, tuple) else (out,))]


def alone(folder: Path, *arguments: object) -> str:
    """Run the sampler of a folder where nothing but numpy and onnxruntime can be imported; return what it says."""
    command = [sys.executable, "-I", "-c", HOLE, str(folder), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    return done.stdout


def unexported(bundle: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The sampler of a bundle, whose networks run as they are: its arithmetic is tested in no time."""
    networks = {network.name: network for network in bundle.networks}

    def load(_: Path, name: str) -> Callable[..., list[np.ndarray]]:
        return lambda *inputs: outputs_of(networks[name], [torch.from_numpy(part) for part in inputs])

    monkeypatch.setattr(exported, "load", load)
    monkeypatch.setattr(latent, "load", load)
    folder.mkdir()
    write_bundle(bundle, folder, lambda network, place: 1)
    return sampler_of(bundle.sampler, folder)


def same_items(made: Any, model: Any) -> bool:
    """Whether items are those that the model makes of its own seed."""
    return bool(np.array_equal(made, model.sample(3, random_state=model.seed_)))
