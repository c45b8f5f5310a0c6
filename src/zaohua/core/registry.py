"""Which models there are and what each can do, read from a generated index in milliseconds.

Importing torch and scikit-learn takes seconds, so nothing here does: `models/_index.json` says what the classes say,
and `python -m zaohua.renew` writes it. The table in the README, `zaohua models`, the errors that name the models that
can do a thing, and `zaohua.DCGAN` itself all come from here.
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
from zaohua.core.primitives import PRIMITIVES

INDEX = Path(__file__).parents[1] / "models" / "_index.json"


@dataclass(frozen=True)
class Entry:
    """One model of the table.

    Attributes:
        name: of the class, as papers write it ("WGANGP").
        command: of the command line ("wgan-gp").
        module: dotted path of the file that defines it.
        family: the file in `families/` that its objective comes from ("gan").
        summary: first line of the docstring.
        paper: what the docstring cites as "Paper: ..."; empty if there is none.
        modalities: names of the kinds of data that it takes.
        codecs: names of the codecs that it takes, one for each representation of a kind of data.
        data: the same for people: "images", "sounds (waves)".
        primitives: what it defines, in the order of `PRIMITIVES`.
        score_kind: what kind of number its score is; empty when it has none.
        conditional: whether it learns p(x | y) when given labels.
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


@functools.cache
def entries() -> tuple[Entry, ...]:
    """Every model of the package, ordered by family and name; read once."""
    rows: list[dict[str, Any]] = json.loads(INDEX.read_text("utf-8"))
    values: list[dict[str, Any]] = [{k: tuple(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows]
    return tuple(Entry(**row) for row in values)


def find(name: str) -> Entry:
    """The model of that class name or command, in any case.

    Raises:
        ZaohuaError: there is none; the message names the nearest.
    """
    wanted = squash(name)
    for entry in entries():
        if wanted in (squash(entry.name), squash(entry.command)):
            return entry
    raise unknown("model", name, [entry.command for entry in entries()], "(see `zaohua models`)")


def model_class(name: str) -> Any:
    """The class of a model by its name or command; this imports it, and with it torch."""
    entry = find(name)
    return getattr(importlib.import_module(entry.module), entry.name)


def models_with(primitive: str) -> list[Entry]:
    """The models that define a primitive."""
    return [entry for entry in entries() if primitive in entry.primitives]


def table() -> tuple[list[str], list[list[str]]]:
    """The header and the rows of the table of models x modalities x capabilities, as plain text."""
    header = ["model", "family", "data", "labels", *PRIMITIVES.values()]
    rows = []
    for entry in entries():
        row = [entry.command, entry.family, ", ".join(entry.data), "yes" if entry.conditional else ""]
        for primitive in PRIMITIVES:
            yes = entry.score_kind.replace("_", " ") if primitive == "log_prob" else "yes"
            row.append(yes if primitive in entry.primitives else "")
        rows.append(row)
    return header, rows


def markdown() -> str:
    """The same table as Markdown, for the README."""
    header, rows = table()
    lines = [header, ["---"] * len(header), *([f"`{row[0]}`", *row[1:]] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def squash(name: str) -> str:
    """A name without case, hyphens, underscores and blanks: what spellings of one name have in common."""
    return re.sub(r"[-_\s]", "", name).casefold()


# ---- the class of a stored model


def stored_name(cls: type) -> str:
    """What a run's `model.json` calls a class: a model of ours by its name, any other as "module:qualified.name"."""
    known = {entry.name: entry.module for entry in entries()}
    ours = known.get(cls.__name__) == cls.__module__ and cls.__qualname__ == cls.__name__
    return cls.__name__ if ours else f"{cls.__module__}:{cls.__qualname__}"


def stored_entry(name: str) -> Entry | None:
    """The entry of a model of ours by its stored name; None for a class of someone's own."""
    return next((entry for entry in entries() if entry.name == name), None)


def short_name(name: str) -> str:
    """The name of the class alone, of a stored name."""
    return re.split(r"[:.]", name)[-1]


def stored_class(name: str) -> Any:
    """The class of a stored name: one of ours, or of someone's own that is defined by now or can be imported.

    Raises:
        ZaohuaError: there is no such class; the message says where it was defined.
    """
    entry = stored_entry(name)
    if entry is not None:
        return getattr(importlib.import_module(entry.module), entry.name)
    if ":" not in name and not _defined(name, _model_base()):
        raise unknown("model", name, [entry.name for entry in entries()], "(a class of your own: define it first)")
    return importable_class(name, _model_base())


def _model_base() -> type:
    return importlib.import_module("zaohua.estimator.base").GenerativeModel


def importable_class(name: str, base: type, what: str = "model") -> Any:
    """Return a class of a user's own by its stored name, "module:qualified.name".

    Args:
        name: its stored name; runs of before have no module.
        base: the class that it must be derived from.
        what: what it is, for messages.

    Raises:
        ZaohuaError: there is no such class; the message says where it was defined.
    """
    module, _, qualname = name.rpartition(":")
    found = _imported(module, qualname) if module else None
    if isinstance(found, type) and issubclass(found, base):
        return found
    same = _defined(name, base)
    if same:
        return same[-1]
    where = "the notebook, prompt or script that made it" if module == "__main__" else f"the module {module}"
    raise ZaohuaError(f"the {what} is a {short_name(name)} of {where}: define or import that class first")


def _defined(name: str, base: type) -> list[type]:
    """Return the classes of a stored name that exist now, also those that no import finds (in a function or `exec`)."""
    module, _, qualname = name.rpartition(":")
    classes = [base]
    for cls in classes:
        classes += cls.__subclasses__()
    return [cls for cls in classes if qualname in (cls.__qualname__, cls.__name__) and module in ("", cls.__module__)]


def _imported(module: str, qualname: str) -> Any:
    """The object of that name in a module, which is imported if need be; None if there is none."""
    if module not in sys.modules:
        if module.partition(".")[0] in sys.stdlib_module_names:  # holds no model, and may do something when imported
            return None
        try:
            importlib.import_module(module)
        except Exception as error:  # of whatever kind: this is a user's own code
            if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
                return None
            what = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
            raise ZaohuaError(f"the model's class is in {module}, which can't be imported: {what}") from error
    found: Any = sys.modules[module]
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found
