"""Models that other programs saved: how they are told from runs, and the module that reads them.

That module is named here and imported when it is needed, as the classes of models are, since it stands on them.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from zaohua.core.json import Json
from zaohua.storage.layout import MODEL

if TYPE_CHECKING:
    from torch import Tensor

READER, WRITER = "zaohua.interop.published", "zaohua.interop.pushing"
RUNS = "runs"
"""The folder that runs are in by default, which is no organisation."""
GGUF = ".gguf"
CONFIG, ADAPTERS = "config.json", "adapter_config.json"
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?")


class Reader(Protocol):
    """What `READER` defines."""

    def load_model(self, path: str, weights: bool) -> tuple[Json, dict[str, Tensor] | None]:
        """Read a published model as `runs.load_model` reads a run."""
        ...


def is_published(path: str | Path) -> bool:
    """Return whether a path is that of a published model: a folder of Hugging Face or PEFT, a .gguf, or a hub name."""
    at = Path(path)
    if at.is_dir():
        return not (at / MODEL).exists() and any((at / name).exists() for name in (CONFIG, ADAPTERS))
    return (at.suffix == GGUF and at.is_file()) or is_hub_name(path)


def is_hub_name(path: str | Path) -> bool:
    """Return whether a path is `org/name[@revision]`: not if there is such a folder, nor one named `org`."""
    name = str(path)
    if name.startswith(f"{RUNS}/"):
        return False
    return bool(HUB_NAME.fullmatch(name)) and not Path(name).exists() and not Path(name.split("/")[0]).exists()


def reader() -> Reader:
    """Import the module that reads published models."""
    return cast(Reader, importlib.import_module(READER))


class Writer(Protocol):
    """What `WRITER` defines."""

    def push_to_hub(self, model: object, name: str, **options: object) -> str:
        """Write a fitted model to the hub."""
        ...


def writer() -> Writer:
    """Import the module that writes models to the hub."""
    return cast(Writer, importlib.import_module(WRITER))
