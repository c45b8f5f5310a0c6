"""Write the files that are generated from the models: `python -m zaohua.renew`.

These are `models/_index.json`, from which the command line knows the models without importing torch,
`__init__.pyi`, from which editors and type checkers know them and their fields, and `models/_help.json`, the help of
`zaohua train MODEL`; in a checkout also the README's table.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

import zaohua
from zaohua.cli import model_help
from zaohua.core import errors, registry
from zaohua.core.params import fields_of
from zaohua.core.primitives import METHODS, PRIMITIVES
from zaohua.core.registry import INDEX, Entry, normalize
from zaohua.estimator.base import GenerativeModel
from zaohua.modalities import Modality, taken_by
from zaohua.modalities.base import Codec

PACKAGE = Path(str(zaohua.__file__)).parent
STUB = PACKAGE / "__init__.pyi"
HELP = model_help.HELP
README = PACKAGE.parents[1] / "README.md"
COMMAND = "python -m zaohua.renew"

FAMILIES = ("density", "univariate", "gan", "vae", "autoregressive", "diffusion", "flow")
"""Families in the order in which people learn them; new ones come last."""


def build() -> tuple[Entry, ...]:
    """Build the entries of all models from their classes, ordered by family and name."""
    files = sorted(file.stem for file in (PACKAGE / "models").glob("*.py") if not file.stem.startswith("_"))
    found = [describe(model_of(importlib.import_module(f"zaohua.models.{stem}"))) for stem in files]

    def place(entry: Entry) -> tuple[int, str, str]:
        rank = FAMILIES.index(entry.family) if entry.family in FAMILIES else len(FAMILIES)
        return rank, entry.family, entry.command

    return tuple(sorted(found, key=place))


def model_of(module: ModuleType) -> type[GenerativeModel]:
    """Return the one public model class of a file in `models/`, which is named like the file.

    Raises:
        ImportError: there is none, or several.
    """
    public = [
        value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and isinstance(value, type)
        and issubclass(value, GenerativeModel)
        and value.__module__ == module.__name__
    ]
    stem = module.__name__.rpartition(".")[2]
    if len(public) != 1 or normalize(public[0].__name__) != normalize(stem):
        names = ", ".join(cls.__name__ for cls in public) or "none"
        raise ImportError(f"{module.__file__}: a file in models/ defines one public model, named like it: {names}")
    return public[0]


def describe(cls: type[GenerativeModel]) -> Entry:
    """Build the entry of a model class from its attributes and docstring."""
    doc = inspect.cleandoc(vars(cls).get("__doc__") or "")
    bases = [base.__module__.split(".") for base in cls.__mro__]
    families = (parts[2] for parts in bases if parts[:2] == ["zaohua", "families"])
    primitives = tuple(primitive for primitive in PRIMITIVES if hasattr(cls, primitive))
    taken = taken_by(cls.codec_types)
    return Entry(
        name=cls.__name__,
        command=cls.__module__.rpartition(".")[2].replace("_", "-"),
        module=cls.__module__,
        family=next(families, ""),
        summary=next(iter(doc.splitlines()), ""),
        paper=_paper(doc),
        modalities=tuple(dict.fromkeys(kind.name for kind, _ in taken)),
        codecs=tuple(codec.stored_name() for _, codec in taken),
        data=_data(taken),
        primitives=primitives,
        score_kind=str(cls.score_kind) if "log_prob" in primitives else "",
        conditional=bool(cls.conditional),
        methods=tuple(name for name in METHODS if hasattr(cls, name)),
        sampling=tuple(name for name, field in fields_of(cls).items() if field.sampling),
        codec_modalities=tuple(kind.name for kind, _ in taken),
    )


def _data(taken: Sequence[tuple[Modality, type[Codec]]]) -> tuple[str, ...]:
    """Return the names of kinds of data, with the representations of those whose usual one isn't taken."""
    codecs = {codec for _, codec in taken}
    shown = [
        kind.name if kind.codecs[0] in codecs else f"{kind.name} ({codec.representation})" for kind, codec in taken
    ]
    return tuple(dict.fromkeys(shown))


def _paper(doc: str) -> str:
    """Return the paragraph after "Paper:" in a docstring as one line."""
    found = re.search(r"^\s*Papers?:\s*(.+?)(?=\n\s*\n|\Z)", doc, re.MULTILINE | re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def index_text(entries: Sequence[Entry]) -> str:
    """Return the text of `models/_index.json`."""
    return json.dumps([dataclasses.asdict(entry) for entry in entries], indent=1, ensure_ascii=False) + "\n"


def stub_text(entries: Iterable[Entry]) -> str:
    """Return the text of `__init__.pyi`, which imports each public name from its module."""
    models = {entry.name: entry.module for entry in entries}
    places = {**vars(zaohua)["_LAZY"], **models}
    places |= {name: errors.__name__ for name in zaohua.__all__ if hasattr(errors, name)}
    places["registry"] = "zaohua.core"
    packages = sorted(name for name, module in places.items() if not module)
    names = sorted({"__version__", *places})
    return "\n".join(
        [
            f'"""The public names and their types, for editors and type checkers; written by `{COMMAND}`."""',
            "",
            *(f"from zaohua import {name} as {name}" for name in packages),
            *(
                f"from {module} import {name} as {name}"
                for module, name in sorted((module, name) for name, module in places.items() if module)
            ),
            "",
            "__version__: str",
            "",
            "__all__ = [",
            *(f'    "{name}",' for name in names),
            "]",
            "",
        ]
    )


def readme_text(old: str) -> str:
    """Return the text of a README with an updated table of models."""
    table = re.compile(r"(<!-- models: .*-->\n\n)(?:\|.*\n)+")
    return table.sub(lambda found: f"{found[1]}{registry.markdown()}\n", old)


def main() -> None:
    """Write all generated files, and print which of them changed."""
    entries = build()
    _write(INDEX, index_text(entries))
    registry.entries.cache_clear()
    _write(STUB, stub_text(entries))
    _write(HELP, model_help.text())
    if PACKAGE.parent.name == "src" and README.is_file():
        _write(README, readme_text(README.read_text("utf-8")))


def _write(path: Path, text: str) -> None:
    changed = not path.is_file() or path.read_text("utf-8") != text
    if changed:
        path.write_text(text, "utf-8", newline="\n")
    print(f"{path}: {'renewed' if changed else 'up to date'}")


if __name__ == "__main__":
    main()
