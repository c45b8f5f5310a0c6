"""Index of the models and their capabilities, read from a generated file in milliseconds.

Importing torch and scikit-learn takes seconds, so this module doesn't: it reads `models/_index.json`, which
`python -m zaohua.renew` writes from the classes. The table in the README, `zaohua models`, errors that name suitable
models, and attributes such as `zaohua.DCGAN` are all made from it.
"""

from __future__ import annotations

import functools
import importlib
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.json import Json
from zaohua.core.primitives import PRIMITIVES

INDEX = Path(__file__).parents[1] / "models" / "_index.json"


@dataclass(frozen=True)
class Entry:
    """One model of the index.

    Attributes:
        name: name of the class, as in papers ("WGANGP").
        command: name on the command line ("wgan-gp").
        module: dotted path of the module that defines it.
        family: name of the module in `families/` that defines its objective ("gan").
        summary: first line of the docstring.
        paper: citation after "Paper:" in the docstring; empty if there is none.
        modalities: names of the modalities that it supports.
        codecs: names of the codecs that it supports, one for each representation of a modality.
        data: the same as text for users: "images", "sounds (waves)".
        primitives: primitives that it defines, in the order of `PRIMITIVES`.
        score_kind: kind of its score ("exact", "lower_bound", "estimate"); empty if it has none.
        conditional: True if it can learn p(x | y).
        methods: those of `METHODS` that it has.
        sampling: names of the options that its `sample` and `score_samples` take.
        codec_modalities: modality of each of its codecs.
    """

    name: str
    command: str
    module: str
    family: str
    summary: str
    paper: str
    modalities: tuple[str, ...]
    primitives: tuple[str, ...]
    score_kind: str
    conditional: bool = True
    codecs: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    sampling: tuple[str, ...] = ()
    codec_modalities: tuple[str, ...] = ()


@functools.cache
def entries() -> tuple[Entry, ...]:
    """Return every model of the package, ordered by family and name."""
    rows: list[Json] = json.loads(INDEX.read_text("utf-8"))
    values: list[Json] = [{k: tuple(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows]
    return tuple(Entry(**row) for row in values)


def find(name: str) -> Entry:
    """Return the model with a class name or command, ignoring case.

    Raises:
        ZaohuaError: there is none; the message suggests similar names.
    """
    wanted = normalize(name)
    for entry in entries():
        if wanted in (normalize(entry.name), normalize(entry.command)):
            return entry
    raise unknown("model", name, [entry.command for entry in entries()], "(see `zaohua models`)")


def model_class(name: str) -> Any:
    """Import the class of a model, given its name or command.

    Raises:
        ZaohuaError: there is none; the message suggests similar names.
    """
    return _import_class(find(name))


def _import_class(entry: Entry) -> Any:
    return getattr(importlib.import_module(entry.module), entry.name)


def models_with(primitive: str) -> list[Entry]:
    """Return the models that define a primitive."""
    return [entry for entry in entries() if primitive in entry.primitives]


def table() -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of the table of models and their capabilities, as plain text."""
    header = ["model", "family", "data", "labels", *PRIMITIVES.values()]
    rows = []
    for entry in entries():
        row = [entry.command, entry.family, ", ".join(entry.data), "yes" if entry.conditional else ""]
        for primitive in PRIMITIVES:
            cell = entry.score_kind.replace("_", " ") if primitive == "log_prob" else "yes"
            row.append(cell if primitive in entry.primitives else "")
        rows.append(row)
    return header, rows


def markdown() -> str:
    """Return the same table as Markdown, for the README."""
    header, rows = table()
    lines = [header, ["---"] * len(header), *([f"`{row[0]}`", *row[1:]] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def normalize(name: str) -> str:
    """Remove case, hyphens, underscores and blanks, in which spellings of the same name differ."""
    return re.sub(r"[-_\s]", "", name).casefold()


# ---- classes of stored models


def stored_name(cls: type) -> str:
    """Return the name of a class in `model.json`: its name if it is in the index, else "module:qualified.name"."""
    modules = {entry.name: entry.module for entry in entries()}
    is_indexed = modules.get(cls.__name__) == cls.__module__ and cls.__qualname__ == cls.__name__
    return cls.__name__ if is_indexed else f"{cls.__module__}:{cls.__qualname__}"


def modality_of(model: str, codec: str) -> str:
    """Return the name of the modality of a stored model, given the names of its class and codec; empty for others'."""
    entry = stored_entry(model)
    if entry is not None and len(entry.modalities) == 1:
        return entry.modalities[0]
    known = (dict(zip(entry.codecs, entry.codec_modalities, strict=True)) for entry in entries())
    return next((kinds[codec] for kinds in known if codec in kinds), "")


def stored_entry(name: str) -> Entry | None:
    """Return the model with a stored name; None for a class outside the package."""
    return next((entry for entry in entries() if entry.name == name), None)


def short_name(name: str) -> str:
    """Return the name of the class, without its module, from a stored name."""
    return re.split(r"[:.]", name)[-1]


def stored_class(name: str) -> Any:
    """Return the class with a stored name, which is imported if it isn't defined yet.

    Raises:
        ZaohuaError: there is no such class; the message names the module that should define it.
    """
    entry = stored_entry(name)
    if entry is not None:
        return _import_class(entry)
    if ":" not in name and not _defined(name, _model_base()):
        raise unknown("model", name, [entry.name for entry in entries()], "(a class of your own: define it first)")
    return importable_class(name, _model_base())


def _model_base() -> type:
    base: type = importlib.import_module("zaohua.estimator.base").GenerativeModel
    return base


def importable_class(name: str, base: type, what: str = "model") -> Any:
    """Return a class outside the package with a stored name, "module:qualified.name".

    Args:
        name: the stored name; those of older runs have no module.
        base: class that it must be derived from.
        what: noun for messages.

    Raises:
        ZaohuaError: there is no such class; the message names the module that should define it.
    """
    module, _, qualname = name.rpartition(":")
    value = _imported(module, qualname) if module else None
    if isinstance(value, type) and issubclass(value, base):
        return value
    candidates = _defined(name, base)
    if candidates:
        return candidates[-1]
    where = "the notebook, prompt or script that made it" if module == "__main__" else f"the module {module}"
    raise ZaohuaError(f"the {what} is a {short_name(name)} of {where}: define or import that class first")


def _defined(name: str, base: type) -> list[type]:
    """Return the existing classes with a stored name, including those defined in a function or by `exec`."""
    module, _, qualname = name.rpartition(":")
    classes = [base]
    for cls in classes:
        classes += cls.__subclasses__()
    return [cls for cls in classes if qualname in (cls.__qualname__, cls.__name__) and module in ("", cls.__module__)]


def _imported(module: str, qualname: str) -> object:
    """Return an object of a module, which is imported if necessary; None if there is none."""
    if module not in sys.modules:
        if module.partition(".")[0] in sys.stdlib_module_names:  # defines no models, and may have side effects
            return None
        try:
            importlib.import_module(module)
        except Exception as error:  # any kind: this is the user's code
            if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
                return None
            reason = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
            raise ZaohuaError(f"the model's class is in {module}, which can't be imported: {reason}") from error
    value: object = sys.modules[module]
    for part in qualname.split("."):
        value = getattr(value, part, None)
    return value
