"""Export to torch: networks as programs of torch.export, which run without this package, with the same sampler.

A .pt2 file is a zip of JSON and raw numbers. torch would add the tensors that a network was traced with, pickled, so
these are left out: loading what is written here unpickles nothing.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import torch

from zaohua.core.errors import ZaohuaError
from zaohua.interop.networks.bundles import Network
from zaohua.interop.networks.folders import write_bundle
from zaohua.interop.networks.kinds import bundle_of
from zaohua.interop.networks.kinds import refusal as refusal
from zaohua.interop.networks.programs import program_of, quiet

PICKLED = re.compile(rb'"use_pickle":\s*true')
"""How the tables of an archive mark what is pickled."""


def write(model: Any, folder: Path, numbers: str) -> str:
    """Write the networks of a model, their settings and a sampler; return what was written in words."""
    return write_bundle(bundle_of(model), folder, write_network)


def write_network(network: Network, folder: Path) -> int:
    """Write one network; return the number of bytes of its file."""
    path, program = folder / f"{network.name}.pt2", program_of(network)
    program.example_inputs = None
    for node in program.graph.nodes:
        for name in ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "from_node"):
            node.meta.pop(name, None)
    with quiet():
        torch.export.save(program, path)
    check_plain(path)
    return path.stat().st_size


def check_plain(path: Path) -> None:
    """Refuse an archive with a pickle in it, as older versions of torch write.

    Raises:
        ZaohuaError: there is one.
    """
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if entry.file_size]
        tables = [archive.read(entry) for entry in entries if entry.filename.endswith("_config.json")]
    if any(entry.filename.endswith((".pt", ".pkl")) for entry in entries) or any(map(PICKLED.search, tables)):
        raise ZaohuaError(f"torch {torch.__version__} pickles parts of programs: take a newer one, 2.9 or later")
