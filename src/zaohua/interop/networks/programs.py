"""Networks as programs of torch (torch.export), of which ONNX files are made as well."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, export

from zaohua.interop.networks.bundles import Network


class _Function(nn.Module):
    """Function of tensors as a module that has the weights of a network."""

    def __init__(self, net: nn.Module, compute: Callable[..., Tensor | tuple[Tensor, ...]]) -> None:
        super().__init__()
        self.net, self.compute = net, compute

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Compute the outputs."""
        return self.compute(*inputs)


def program_of(network: Network) -> ExportedProgram:
    """Trace a network as a program with free batch, and free length where it has one."""
    batch, shapes = Dim("batch"), []
    for name in network.inputs:
        lengths = {1: Dim("length", max=network.lengths[name])} if name in network.lengths else {}
        shapes.append({0: batch, **lengths})
    with quiet(), torch.no_grad():
        module = _Function(network.net, network.compute).eval()
        return export(module, tuple(network.inputs.values()), dynamic_shapes=(tuple(shapes),))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what torch's exporters say to their developers from people."""
    logger = logging.getLogger("torch")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
