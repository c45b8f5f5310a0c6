"""Training of judges: the same data and seed give the same judge, which is kept in a folder."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from zaohua.core.hardware import fitting_threads
from zaohua.storage.atomic import replace_file, to_bytes

RECIPE = 1
"""Version of the training procedure; increase it when that or a network changes, so that no old cache is used."""
BATCH = 128
"""Items per step."""
VISITS = 48_000 * 28 * 28
"""Number of positions that training visits: a few CPU seconds."""
STEPS = 200, 1200
"""Fewest and most steps of training."""


def trained(
    make: Callable[[], nn.Module],
    loss: Callable[[nn.Module, np.ndarray], Tensor],
    n: int,
    cost: int,
    key: object,
    seed: int,
    folder: Path | None,
) -> nn.Module:
    """Return a trained network, from the folder if it has been trained before.

    Args:
        make: function that returns a new network; one call of `loss` determines the sizes of its lazy layers.
        loss: function of the network and the rows of a batch.
        n: number of items.
        cost: number of positions that the network visits of an item.
        key: JSON value that identifies the judge and its data.
        seed: seed of the initial weights and the order of items.
        folder: cache folder; None for none.
    """
    digest = hashlib.sha256(to_bytes([RECIPE, VISITS, *STEPS, seed, key])).hexdigest()[:32]
    path = None if folder is None else folder / f"judge-{digest}.safetensors"
    with torch.random.fork_rng(devices=[]), torch.autocast("cpu", enabled=False):
        torch.manual_seed(seed)
        network = make()
        with torch.no_grad():
            loss(network, np.arange(min(n, 4)))
        if path is not None and path.exists():
            with contextlib.suppress(safetensors.SafetensorError, RuntimeError, OSError):  # a damaged file is replaced
                network.load_state_dict(safetensors.torch.load(path.read_bytes()))
                return network.eval()
        _train(network, loss, n, cost)
    if path is not None:
        replace_file(path, safetensors.torch.save(network.state_dict()))
    return network.eval()


def _train(network: nn.Module, loss: Callable[[nn.Module, np.ndarray], Tensor], n: int, cost: int) -> None:
    """Train a network with AdamW and a one-cycle schedule of the learning rate."""
    batch = min(BATCH, n)
    steps = int(np.clip(VISITS // (cost * batch), *STEPS))
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    order = torch.empty(0, dtype=torch.int64)
    with fitting_threads(network):
        for _ in range(steps):
            if len(order) < batch:
                order = torch.cat([order, torch.randperm(n)])
            rows, order = order[:batch].numpy(), order[batch:]
            value = loss(network.train(), rows)
            optimizer.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            schedule.step()


@torch.no_grad()
def outputs(network: Callable[[Tensor], Tensor], view: Callable[[np.ndarray], Tensor], n: int) -> np.ndarray:
    """Apply a network to n items in batches, without gradients, float64 (n, ...)."""
    with torch.autocast("cpu", enabled=False):
        parts = [network(view(np.arange(i, min(i + 256, n)))).double().numpy() for i in range(0, n, 256)]
    return np.concatenate(parts)
