"""Zaohua (造化) learns what your data looks like, and makes more of it.

One interface for every family of generative model:

    >>> import zaohua as zh
    >>> model = zh.GMM(random_state=0).fit("digits")
    >>> images = model.sample(16)
    >>> model.save("runs/digits")
    >>> model = zh.load("runs/digits")

Names are imported when first used, so `import zaohua` itself takes milliseconds. `zaohua models` on the command
line, or `zaohua.core.registry.entries()`, lists the models.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

from zaohua.core import registry
from zaohua.core.errors import CheckpointError, NotAvailable, ZaohuaError, ZaohuaWarning

__version__ = "0.1.0"

_LAZY = {
    "GenerativeClassifier": "zaohua.tasks.classify",
    "ImageCodec": "zaohua.modalities",
    "LabelCodec": "zaohua.modalities",
    "MelCodec": "zaohua.modalities",
    "MuLawCodec": "zaohua.modalities",
    "MusicCodec": "zaohua.modalities",
    "NumberCodec": "zaohua.modalities",
    "Piece": "zaohua.modalities",
    "RollCodec": "zaohua.modalities",
    "Sound": "zaohua.modalities",
    "Sounds": "zaohua.modalities",
    "TableCodec": "zaohua.modalities",
    "TextCodec": "zaohua.modalities",
    "WaveCodec": "zaohua.modalities",
    "read": "zaohua.modalities",
    "show": "zaohua.modalities.images.show",
    "datasets": "zaohua.modalities",
    "metrics": "",
    "tasks": "",
}


def _threads() -> None:
    """Make waiting threads spin for a moment only, then sleep, if torch is not there yet to have decided.

    A spinning thread holds the very core that the thread it waits for needs: beside another program, steps of small
    networks take ten times as long and more. One that sleeps at once must be woken for each operation, which on a
    quiet machine takes twice as long. A thousand spins are as quick as either where each is at its best:
    see benchmarks/shared_cores.py.
    """
    if "torch" not in sys.modules and "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")


_threads()


def load(path: str | Path, device: str = "auto") -> Any:
    """The fitted model of a run folder, whatever its class and whatever machine it was trained on.

    Args:
        path: the run folder.
        device: where its networks are to compute: "auto", "cpu", "cuda", "mps" ...

    Raises:
        CheckpointError: the folder holds no model, or a damaged one.
        ZaohuaError: there is no such device here, or the model has no networks to put there.
    """
    from zaohua.storage import runs

    data, tensors = runs.load_model(Path(path))
    if tensors is None:
        raise CheckpointError(f"{path} has no weights yet: its training was stopped early; go on with it (--resume)")
    try:
        cls = _model_class(data["model"])
        kept = {name: value for name, value in data["parameters"].items() if name not in cls.machine_fields}
        if "device" in cls.machine_fields:
            kept["device"] = device
        elif device not in ("auto", "cpu"):
            raise ZaohuaError(f"{path} is a {cls.__name__}, which computes on the CPU only: load it without a device")
        model = cls.from_json({**data, "parameters": kept}, tensors)
        model.run_ = str(path)
        return model
    except ZaohuaError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise CheckpointError(f"{path} holds no model that this version of zaohua can build ({what})") from error


def _model_class(name: str) -> Any:
    """The model of that name: one of ours, or a class of the user's own that is defined by now."""
    from zaohua.estimator.base import GenerativeModel

    known = [GenerativeModel]
    for cls in known:
        known += cls.__subclasses__()
    own = {cls.__name__: cls for cls in known if not cls.__module__.startswith("zaohua.")}
    return own[name] if name in own else registry.model_class(name)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        module = _LAZY[name]
        return getattr(importlib.import_module(module), name) if module else importlib.import_module(f"zaohua.{name}")
    if name[:1].isupper() and any(entry.name == name for entry in registry.entries()):
        return registry.model_class(name)
    raise AttributeError(f"module 'zaohua' has no attribute {name!r}", name=name, obj=sys.modules[__name__])


def __dir__() -> list[str]:
    return sorted({*__all__, *_LAZY, *(entry.name for entry in registry.entries())})


__all__ = ["CheckpointError", "NotAvailable", "ZaohuaError", "ZaohuaWarning", "__version__", "load", "registry"]
