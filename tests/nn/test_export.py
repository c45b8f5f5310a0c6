"""Networks are exported with a batch of any size: none holds the number of items as a Python number."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.export import Dim, export

import zaohua as zh
from zaohua.core.spec import DataSpec, Feature

IMAGES = DataSpec(axes=("height", "width"), shape=(8, 8), features=(Feature("grey", "real", 1),))
LABELS = DataSpec(axes=(), shape=(), features=(Feature("label", "category", 3),))


def inputs(name: str, key: str, n: int) -> tuple[torch.Tensor, ...]:
    """What a network takes, without the condition."""
    images = torch.linspace(-1, 1, n * 64).reshape(n, 1, 8, 8)
    if key in ("generator", "decoder"):
        return (torch.linspace(-1, 1, n * getattr(zh, name)(**getattr(zh, name).tiny).latent_dim).reshape(n, -1),)
    return (images, torch.linspace(0.1, 0.9, n)) if key == "net" else (images,)


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize(
    ("name", "key"), [("Flow", "net"), ("DCGAN", "generator"), ("VAE", "encoder"), ("VAE", "decoder")]
)
def test_any_number_of_items(name: str, key: str, conditional: bool) -> None:
    model: Any = getattr(zh, name)(**getattr(zh, name).tiny)
    torch.manual_seed(0)
    net = model.build(IMAGES, LABELS if conditional else None)[key].eval()
    args, more = ((*inputs(name, key, n), torch.arange(n) % 3 if conditional else None) for n in (3, 7))
    batch = Dim("batch", min=2, max=64)
    shapes = tuple(None if x is None else {0: batch} for x in args)
    with torch.no_grad():
        exported = export(net, args, dynamic_shapes=shapes, strict=False).module()
        assert torch.allclose(exported(*more), net(*more), atol=1e-5)
