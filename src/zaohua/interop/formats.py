"""Formats that models are exported to, each a module of this folder, and `export`, which finds it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, cast

from zaohua.core.advice import option
from zaohua.core.arguments import path_of
from zaohua.core.errors import ZaohuaError, shown, unknown
from zaohua.storage import outputs


class Writer(Protocol):
    """What the module of a format defines."""

    def refusal(self, model: Any) -> str | None:
        """Return why a model can't be exported to the format; None if it can."""
        ...

    def write(self, model: Any, folder: Path, numbers: str) -> str:
        """Write a model into an empty folder, with numbers of a type; return what was written in words."""
        ...


@dataclass(frozen=True)
class Format:
    """A format that models are exported to.

    Attributes:
        module: the module, see `Writer`; it is imported when the format is asked for.
        summary: what is written.
        needs: packages that it needs beside those that Zaohua itself needs.
        extra: extra of Zaohua that installs them.
        types: types of numbers that weights can be written in, the usual one first.
    """

    module: str
    summary: str
    needs: tuple[str, ...] = ()
    extra: str = "export"
    types: tuple[str, ...] = ("f32",)

    def writer(self, name: str) -> Writer:
        """Return the module of the format of a name.

        Raises:
            ZaohuaError: a package that it needs isn't installed.
        """
        missing = [package for package in self.needs if find_spec(package) is None]
        if missing:
            raise ZaohuaError(f"export to {name} needs {' and '.join(missing)}: pip install 'zaohua[{self.extra}]'")
        return cast(Writer, importlib.import_module(self.module))


FORMATS: dict[str, Format] = {
    "hf": Format("zaohua.interop.huggingface_writing", "a folder that transformers loads"),
    "gguf": Format(
        "zaohua.interop.gguf_writing",
        "a file for llama.cpp and Ollama",
        ("gguf",),
        "gguf",
        ("f32", "f16", "q8_0"),
    ),
    "onnx": Format(
        "zaohua.interop.networks.onnx_files",
        "networks for onnxruntime, with a sampler in numpy",
        ("onnx", "onnxscript", "onnxruntime"),
    ),
    "torch": Format("zaohua.interop.networks.torch_programs", "programs of torch.export, with a sampler in numpy"),
    "lora": Format(
        "zaohua.interop.adapters_writing", "what `lora` learnt, as adapters for PEFT beside the published model"
    ),
}
"""All formats, by the name that is given as `to`."""


def export(model: Any, to: str, folder: str | Path, *, type: str | None = None, overwrite: bool = False) -> Path:
    """Write a fitted model in a format of other tools, with all that is needed to use it without Zaohua.

    Args:
        model: the model; `model.with_options(steps=20)` exports it with other options of sampling.
        to: "hf" for transformers and "gguf" for llama.cpp, both for transformers of texts; "onnx" for onnxruntime and
            "torch" for programs of torch.export, both with a sampler in numpy; "lora" for adapters of a fine-tuned
            model, which PEFT reads.
        folder: the folder to write, new or empty.
        type: type of the numbers that weights are written in: of "gguf" "f32", "f16" or "q8_0"; None for float32.
        overwrite: True to replace the files of a folder that was exported before.

    Returns:
        The path of the folder.

    Raises:
        ZaohuaError: the model can't be exported to the format, a package is missing, or the folder holds other files.
    """
    path = path_of("folder", folder)
    written(model, to, path, overwrite, type)
    return path


def written(model: Any, to: str, folder: Path, overwrite: bool, numbers: str | None = None) -> str:
    """Export a model, and return what was written in words; see `export`."""
    from zaohua.estimator.base import GenerativeModel  # takes torch, which the command line needs later only

    if not isinstance(model, GenerativeModel):
        raise ZaohuaError(f"export takes a fitted model, not {shown(model)}")
    if to not in FORMATS:
        raise unknown("format of export", to, FORMATS)
    types = FORMATS[to].types
    numbers = None if numbers is None else numbers.lower()  # llama.cpp writes Q8_0
    if numbers is not None and numbers not in types:
        raise unknown(f"type of numbers of {to}:", numbers, types)
    model.with_options()  # raises if it isn't fitted
    writer = FORMATS[to].writer(to)
    reason = writer.refusal(model)
    if reason is not None:
        raise ZaohuaError(f"a {type(model).__name__} can't be exported with {option('to', to)}: {reason}")
    with outputs.whole_folder(folder, overwrite) as temporary:
        return writer.write(model, temporary, numbers or types[0])
