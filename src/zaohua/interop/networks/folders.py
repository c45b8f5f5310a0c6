"""Folders of exported models: networks, settings, sampler, and numbers to check them by."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.interop.networks.bundles import Bundle, Network
from zaohua.storage.atomic import to_bytes

STANDALONE = Path(__file__).parent / "standalone"
PACKAGE = "zaohua.interop.networks.standalone"
MOST = 1e-3
"""Largest difference between what the exported sampler and the model make of the same noise."""


class Checked(Protocol):
    """Sampler of an exported model."""

    def check(self) -> float:
        """Return the largest difference from what the model itself made of the same noise."""
        ...


def write_bundle(bundle: Bundle, folder: Path, write_network: Callable[[Network, Path], int]) -> str:
    """Write a bundle into an empty folder, and check it by the sampler that goes along.

    Args:
        bundle: what to write.
        folder: the folder.
        write_network: function that writes a network and returns the number of bytes.

    Returns:
        What was written, in words.

    Raises:
        ZaohuaError: the sampler makes something else than the model.
    """
    sizes = [write_network(network, folder) for network in bundle.networks]
    (folder / "sampler.json").write_bytes(to_bytes(bundle.settings))
    numbers = io.BytesIO()
    np.savez(numbers, allow_pickle=False, **bundle.check)
    for name, data in {"check.npz": numbers.getvalue(), **bundle.files}.items():
        (folder / name).write_bytes(data)
    for source, name in ((bundle.sampler, "sampler.py"), ("exported", "exported.py")):
        text = (STANDALONE / f"{source}.py").read_text("utf-8")
        (folder / name).write_text(text.replace(f"from {PACKAGE}.", "from "), "utf-8", newline="\n")
    difference = sampler_of(bundle.sampler, folder).check()
    if not difference <= MOST:
        raise ZaohuaError(
            f"the exported sampler makes something else than the model, with differences up to {difference:.2g}: "
            "nothing was written"
        )
    weights = sum(network.size for network in bundle.networks)
    names = " and ".join(network.name for network in bundle.networks)
    size = f"{sum(sizes) / 2**20:.2f} MiB, {sum(sizes) / weights:.2f} times the weights"
    return f"{names}: {size}; the sampler differs from the model by {difference:.1g} at most"


def sampler_of(name: str, folder: Path) -> Checked:
    """Return the sampler of an exported model, in this process."""
    module = importlib.import_module(f"{PACKAGE}.{name}")
    sampler: Checked = getattr(module, name.capitalize())(folder)
    return sampler
