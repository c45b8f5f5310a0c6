"""Folders of Hugging Face: `config.json`, safetensors and `tokenizer.json`.

Nothing else is opened: no pickles, no code. Names in an index are those of files beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import safetensors
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json

CONFIG, TOKENIZER, TOKENIZER_CONFIG = "config.json", "tokenizer.json", "tokenizer_config.json"
GENERATION, TEMPLATE, README = "generation_config.json", "chat_template.jinja", "README.md"
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")
MOST_JSON = 64 << 20
"""Size of a JSON file, bytes, above which it isn't read."""
MOST_HEADER = 100 << 20
"""Size of the header of a safetensors file above which it isn't read; the library has the same limit."""
TYPES = {"F64", "F32", "F16", "BF16"}
"""Types of weights that are read."""


def read_json(path: Path, *, needed: bool = True) -> Json:
    """Read a JSON object; {} for a file that isn't there and isn't needed.

    Raises:
        ZaohuaError: it isn't there, too large, or isn't an object.
    """
    if not path.is_file():
        if needed:
            raise ZaohuaError(f"{path.parent} has no {path.name}: the model is incomplete")
        return {}
    text = read_text(path)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ZaohuaError(f"{path} isn't JSON: it is damaged") from None
    if not isinstance(value, dict):
        raise ZaohuaError(f"{path} holds no JSON object: it is damaged")
    return value


def read_text(path: Path) -> str:
    """Read a text file of bounded size.

    Raises:
        ZaohuaError: it is too large, or isn't UTF-8.
    """
    size = path.stat().st_size
    if size > MOST_JSON:
        raise ZaohuaError(f"{path} has {size >> 20:,} MB: files of settings have at most {MOST_JSON >> 20}")
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise ZaohuaError(f"{path} isn't UTF-8: it is damaged") from None


class Shards(Mapping[str, Tensor]):
    """Weights of one or several safetensors files, each read when it is asked for, as float32.

    Args:
        folder: where the files are.
        only: name of the one file to read; by default those of the model's weights.

    Raises:
        ZaohuaError: files are missing or damaged, or there are only pickles.
    """

    def __init__(self, folder: Path, only: str | None = None) -> None:
        self.folder = folder
        paths = _files(folder) if only is None else [folder / only]
        self.files = {name: path for path in paths for name in _names(path)}

    def __getitem__(self, name: str) -> Tensor:
        """Read a tensor."""
        path = self.files[name]
        try:
            with safetensors.safe_open(path, "pt") as file:
                value: Tensor = file.get_tensor(name)
        except (safetensors.SafetensorError, ValueError, RuntimeError, OSError) as error:
            raise ZaohuaError(f"{path} is damaged: {error}") from None
        return value.float()

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self.files)

    def __len__(self) -> int:
        """Return the number of tensors."""
        return len(self.files)


def _files(folder: Path) -> list[Path]:
    """Return the safetensors files of a folder."""
    if (folder / INDEX).exists():
        names = read_json(folder / INDEX).get("weight_map")
        if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
            raise ZaohuaError(f"{folder / INDEX} names no files: it is damaged")
        found = sorted({*map(str, names.values())})
        for name in found:
            if not re.fullmatch(r"[\w][\w.-]*\.safetensors", name):
                raise ZaohuaError(f"{folder / INDEX} names {name!r:.60}, which isn't a safetensors file beside it")
            if not (folder / name).is_file():
                raise ZaohuaError(f"{folder / name} is missing, which {INDEX} names: load it, too")
        return [folder / name for name in found]
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
    if pickles:
        raise ZaohuaError(
            f"{folder} has its weights in {pickles[0]}, which isn't opened, as it can hold code: take the {WEIGHTS}"
        )
    raise ZaohuaError(f"{folder} has no {WEIGHTS}: the model is incomplete")


def _names(path: Path) -> list[str]:
    """Return the names of the tensors in a safetensors file, whose header is checked."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
    if size > min(MOST_HEADER, path.stat().st_size):
        raise ZaohuaError(f"{path} is damaged: its header should have {size:,} bytes")
    try:
        with safetensors.safe_open(path, "pt") as file:
            names: list[str] = list(file.keys())
            kinds = {file.get_slice(name).get_dtype(): name for name in names}
    except (safetensors.SafetensorError, ValueError, RuntimeError, OSError) as error:
        raise ZaohuaError(f"{path} is damaged: {error}") from None
    for kind in kinds.keys() - TYPES:
        raise ZaohuaError(f"{path}: {kinds[kind]} is of the type {kind}: take weights that aren't quantised")
    return names


def template_of(folder: Path, config: Json) -> str | None:
    """Return the chat template of a folder: of its own file, or of the tokenizer's settings."""
    if (folder / TEMPLATE).is_file():
        return read_text(folder / TEMPLATE)
    given: Any = config.get("chat_template")
    if isinstance(given, list):  # several, by their names
        named = {one.get("name"): one.get("template") for one in given if isinstance(one, dict)}
        given = named.get("default")
    return given if isinstance(given, str) else None


def licence_of(folder: Path) -> str | None:
    """Return the licence that the front matter of the README names; None if it names none."""
    path = folder / README
    if not path.is_file() or path.stat().st_size > MOST_JSON:
        return None
    front = re.match(r"---\n(.*?)\n---", path.read_text("utf-8", "replace"), re.DOTALL)
    found = re.search(r"^license(?:_name)?:\s*[\"']?([\w.+-]+)", front[1], re.MULTILINE) if front else None
    return found[1] if found else None
