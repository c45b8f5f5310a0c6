"""Which models there are and what each can do, read from the source in milliseconds.

Importing torch and scikit-learn takes seconds, so nothing here does: the files of `models/` are parsed with `ast`,
and a model's primitives are found by walking its base classes. The table in the README, `zaohua models`, the errors
that name the models that can do a thing, and `zaohua.DCGAN` itself all come from here.
"""

from __future__ import annotations

import ast
import functools
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zaohua.core.errors import unknown
from zaohua.core.primitives import PRIMITIVES

PACKAGE = Path(__file__).parents[1]


SHOWN = {"waves": "sounds (waves)", "mu-law": "sounds (levels)", "rolls": "music (rolls)"}
"""What tables say of modalities by which a model takes a kind of data in its own way."""


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
        modalities: kinds of data it takes.
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


def entries(package: Path = PACKAGE) -> tuple[Entry, ...]:
    """Every model of a package, ordered by family and name; parsed once."""
    return _entries(package)


@functools.cache
def _entries(package: Path) -> tuple[Entry, ...]:
    files = [file for file in sorted((package / "models").glob("*.py")) if not file.stem.startswith("_")]
    source = _Source(package)
    found = [source.entry(file) for file in files]
    return tuple(sorted(found, key=lambda entry: (_family_order(entry.family), entry.command)))


def find(name: str, package: Path = PACKAGE) -> Entry:
    """The model of that class name or command, in any case.

    Raises:
        ZaohuaError: there is none; the message names the nearest.
    """
    wanted = _squash(name)
    for entry in entries(package):
        if wanted in (_squash(entry.name), _squash(entry.command)):
            return entry
    raise unknown("model", name, [entry.command for entry in entries(package)], "(see `zaohua models`)")


def model_class(name: str) -> Any:
    """The class of a model by its name or command; this imports it, and with it torch."""
    entry = find(name)
    return getattr(importlib.import_module(entry.module), entry.name)


def models_with(primitive: str, package: Path = PACKAGE) -> list[Entry]:
    """The models that define a primitive."""
    return [entry for entry in entries(package) if primitive in entry.primitives]


def table(package: Path = PACKAGE) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of the table of models x modalities x capabilities, as plain text."""
    header = ["model", "family", "data", "labels", *PRIMITIVES.values()]
    rows = []
    for entry in entries(package):
        kinds = ", ".join(SHOWN.get(modality, modality) for modality in entry.modalities)
        row = [entry.command, entry.family, kinds, "yes" if entry.conditional else ""]
        for primitive in PRIMITIVES:
            yes = entry.score_kind.replace("_", " ") if primitive == "log_prob" else "yes"
            row.append(yes if primitive in entry.primitives else "")
        rows.append(row)
    return header, rows


def markdown(package: Path = PACKAGE) -> str:
    """The same table as Markdown, for the README."""
    header, rows = table(package)
    lines = [header, ["---"] * len(header), *([f"`{row[0]}`", *row[1:]] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _squash(name: str) -> str:
    return re.sub(r"[-_\s]", "", name).casefold()


def _family_order(family: str) -> tuple[int, str]:
    """Families in the order in which people learn them; new ones come last."""
    known = ["density", "univariate", "gan", "vae", "autoregressive", "diffusion", "flow"]
    return (known.index(family) if family in known else len(known), family)


@dataclass(frozen=True, eq=False)
class _Class:
    """A class definition and the names that its file imports: local name -> (module, name)."""

    node: ast.ClassDef
    module: str
    imports: dict[str, tuple[str, str]]


class _Source:
    """The classes of a package, parsed file by file as they are needed."""

    def __init__(self, package: Path):
        self.package = package
        self._modules: dict[str, dict[str, _Class]] = {}

    def entry(self, file: Path) -> Entry:
        """The entry of the one public class in a file of `models/`."""
        module = f"{self.package.name}.models.{file.stem}"
        public = {name: cls for name, cls in self.classes(module).items() if not name.startswith("_")}
        name = next((name for name in public if _squash(name) == _squash(file.stem)), next(iter(public), None))
        if name is None:
            raise ImportError(f"{file}: a file in models/ defines one public class, this one has none")
        cls = public[name]
        line = list(reversed(dict.fromkeys(reversed(list(self.mro(cls))))))  # a common base comes after all of its own
        defined = {name for base in line for name in _names(base.node)}
        in_families = (base.module.split(".")[2] for base in line if ".families." in base.module)
        doc = ast.get_docstring(cls.node) or ""
        primitives = tuple(primitive for primitive in PRIMITIVES if primitive in defined)
        return Entry(
            name=name,
            command=file.stem.replace("_", "-"),
            module=module,
            family=next(in_families, ""),
            summary=next(iter(doc.splitlines()), ""),
            paper=_paper(doc),
            modalities=tuple(_constant(line, "modalities", ("images",))),
            primitives=primitives,
            conditional=bool(_constant(line, "conditional", True)),
            score_kind=str(_constant(line, "score_kind", "exact")) if "log_prob" in primitives else "",
        )

    def mro(self, cls: _Class) -> Iterator[_Class]:
        """A class and all its bases within the package, nearest first (an order good enough for look-ups)."""
        yield cls
        for base in cls.node.bases:
            found = self.resolve(base, cls)
            if found is not None:
                yield from self.mro(found)

    def resolve(self, base: ast.expr, cls: _Class) -> _Class | None:
        """The class that an expression such as `GAN` or `gan.GAN` stands for; None when it is foreign."""
        if isinstance(base, ast.Subscript):
            base = base.value
        if isinstance(base, ast.Attribute) and isinstance(base.value, ast.Name):
            module, name = cls.imports.get(base.value.id, ("", ""))
            return self.classes(f"{module}.{name}".strip(".")).get(base.attr)
        if not isinstance(base, ast.Name):
            return None
        module, name = cls.imports.get(base.id, (cls.module, base.id))
        return self.classes(module).get(name)

    def classes(self, module: str) -> dict[str, _Class]:
        """The top-level classes of a module of the package, by name; none of a foreign module."""
        if module not in self._modules:
            path = self.package.parent.joinpath(*module.split("."))
            file = next((f for f in (path.with_suffix(".py"), path / "__init__.py") if f.is_file()), None)
            inside = module.split(".")[0] == self.package.name
            self._modules[module] = _parse(file, module) if inside and file else {}
        return self._modules[module]


def _parse(file: Path, module: str) -> dict[str, _Class]:
    tree = ast.parse(file.read_text("utf-8"))
    imports = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            imports.update({alias.asname or alias.name: (node.module, alias.name) for alias in node.names})
    return {node.name: _Class(node, module, imports) for node in tree.body if isinstance(node, ast.ClassDef)}


def _paper(doc: str) -> str:
    """What follows "Paper:" in a docstring, up to the end of the paragraph, on one line."""
    found = re.search(r"^\s*Papers?:\s*(.+?)(?=\n\s*\n|\Z)", doc, re.MULTILINE | re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def _names(node: ast.ClassDef) -> set[str]:
    """The names that a class body defines as methods or by assignment."""
    names = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
    for item in node.body:
        if isinstance(item, ast.Assign):
            names.update(target.id for target in item.targets if isinstance(target, ast.Name))
    return names


def _constant(line: list[_Class], name: str, default: Any) -> Any:
    """The literal that the nearest class gives a class variable."""
    for cls in line:
        for item in cls.node.body:
            targets = item.targets if isinstance(item, ast.Assign) else [getattr(item, "target", None)]
            value = getattr(item, "value", None)
            if any(isinstance(t, ast.Name) and t.id == name for t in targets) and isinstance(value, ast.expr):
                return ast.literal_eval(value)
    return default
