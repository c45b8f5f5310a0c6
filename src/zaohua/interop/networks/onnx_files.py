"""Export to ONNX: networks as .onnx files, with a sampler that needs numpy and onnxruntime only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zaohua.interop.networks.bundles import Network
from zaohua.interop.networks.folders import write_bundle
from zaohua.interop.networks.kinds import bundle_of
from zaohua.interop.networks.kinds import refusal as refusal
from zaohua.interop.networks.programs import program_of, quiet

LARGEST = 2_000_000_000
"""Bytes of weights up to which they are in the .onnx file itself; a protobuf holds 2 GiB at most."""


def write(model: Any, folder: Path, numbers: str) -> str:
    """Write the networks of a model, their settings and a sampler; return what was written in words."""
    return write_bundle(bundle_of(model), folder, write_network)


def write_network(network: Network, folder: Path) -> int:
    """Write one network; return the number of bytes of its file, or files."""
    import torch

    path = folder / f"{network.name}.onnx"
    with quiet():
        made = torch.onnx.export(
            program_of(network),
            dynamo=True,
            input_names=list(network.inputs),
            output_names=list(network.outputs),
            optimize=True,
            verbose=False,
        )
        assert made is not None
        strip(made.model)
        made.save(path, external_data=network.size > LARGEST)
    return sum(file.stat().st_size for file in folder.glob(f"{network.name}.onnx*"))


def strip(model: Any) -> None:
    """Remove what isn't needed to run a model: where in the source each operation comes from, shapes in between.

    Of a small network that is more than the weights.
    """
    graph = model.graph
    model.metadata_props.clear()
    graph.metadata_props.clear()
    last = set(graph.outputs)
    for node in graph.all_nodes():
        node.metadata_props.clear()
        node.doc_string = None
        for value in node.outputs:
            value.metadata_props.clear()
            if value not in last:
                value.shape = value.type = None
    for value in graph.initializers.values():
        value.metadata_props.clear()
