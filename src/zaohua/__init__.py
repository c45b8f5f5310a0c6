"""Zaohua (造化) learns what your data looks like, and makes more of it.

One interface for every family of generative model:

    >>> import zaohua as zh
    >>> model = zh.GMM(random_state=0).fit("digits")
    >>> images = model.sample(16)
    >>> model.save("runs/digits")
    >>> model = zh.load("runs/digits")

Names are imported when first used, so `import zaohua` itself takes milliseconds; `__init__.pyi` tells editors and type
checkers what they are. `zaohua models` on the command line, or `zaohua.core.registry.entries()`, lists the models.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from zaohua.core import registry
from zaohua.core.errors import CheckpointError, NotAvailable, ZaohuaError, ZaohuaWarning

__version__ = "0.1.0"

_LAZY = {
    "CaptionCodec": "zaohua.modalities.texts.captions",
    "Codec": "zaohua.modalities.base",
    "GenerativeClassifier": "zaohua.tasks.classify",
    "GridCodec": "zaohua.modalities.base",
    "ImageCodec": "zaohua.modalities.images.codec",
    "LabelCodec": "zaohua.modalities.labels.codec",
    "MelCodec": "zaohua.modalities.sounds.mel",
    "Modality": "zaohua.modalities.modality",
    "MuLawCodec": "zaohua.modalities.sounds.mu_law",
    "MusicCodec": "zaohua.modalities.music.notes",
    "NumberCodec": "zaohua.modalities.tables.plain_numbers",
    "Origin": "zaohua.storage.provenance.origin",
    "Piece": "zaohua.modalities.music.pieces",
    "RecordCodec": "zaohua.modalities.records.codec",
    "Restored": "zaohua.tasks.restore.restored",
    "RollCodec": "zaohua.modalities.music.rolls",
    "Sound": "zaohua.modalities.sounds.sound",
    "Sounds": "zaohua.modalities.sounds.sound",
    "SpectrumCodec": "zaohua.modalities.sounds.spectrum",
    "TableCodec": "zaohua.modalities.tables.codec",
    "TableImputer": "zaohua.tasks.impute",
    "TagCodec": "zaohua.modalities.labels.tags",
    "TextCodec": "zaohua.modalities.texts.codec",
    "VectorCodec": "zaohua.modalities.tables.vectors",
    "WaveCodec": "zaohua.modalities.sounds.waves",
    "augment": "zaohua.tasks.augment.comparing",
    "compare": "zaohua.tasks.evaluation.compare",
    "datasets": "zaohua.modalities",
    "evaluate": "zaohua.tasks.evaluation.evaluate",
    "explain": "zaohua.tasks.explain.explaining",
    "export": "zaohua.interop.formats",
    "fill": "zaohua.tasks.fill",
    "interpolate": "zaohua.tasks.interpolate",
    "load": "zaohua.storage.loading",
    "metrics": "",
    "modality": "zaohua.modalities.registry",
    "morph": "zaohua.tasks.interpolate",
    "no_origin": "zaohua.storage.provenance.origin",
    "origin": "zaohua.storage.provenance.files",
    "pull": "zaohua.interop.pushing",
    "push_to_hub": "zaohua.interop.pushing",
    "read": "zaohua.modalities.reading",
    "register": "zaohua.modalities.registry",
    "restore": "zaohua.tasks.restore.restoring",
    "retrieve": "zaohua.tasks.retrieve",
    "show": "zaohua.modalities.images.show",
    "tasks": "",
    "write": "zaohua.modalities.reading",
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


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        module = _LAZY[name]
        if name in ("datasets", "metrics", "tasks"):
            return importlib.import_module(f"{module or 'zaohua'}.{name}")
        return getattr(importlib.import_module(module), name)
    if registry.stored_entry(name) is not None:
        return registry.model_class(name)
    raise AttributeError(f"module 'zaohua' has no attribute {name!r}", name=name, obj=sys.modules[__name__])


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = ["CheckpointError", "NotAvailable", "ZaohuaError", "ZaohuaWarning", "__version__", "registry"]
__all__ += _LAZY
__all__ += [entry.name for entry in registry.entries()]
