"""Read the options of a command from a YAML or JSON file, and write them as one."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zaohua.cli import values as words
from zaohua.cli.described import TITLES, check_bounds, described
from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.json import JsonValue

if TYPE_CHECKING:
    from zaohua.cli.flags import Flag

ONCE = ("config", "print_config", "resume", "overwrite", "json", "stream")
"""Flags that say what a single call does, so that no file of settings is written with them."""
WIDTH = 100
"""Letters of a line of comments."""


def load(path: str) -> dict[str, object]:
    """Read the options in a file, by name.

    Raises:
        ZaohuaError: it can't be read, or it doesn't hold options and their values.
    """
    file = Path(path)
    if file.suffix.casefold() not in (".yaml", ".yml", ".json"):
        raise ZaohuaError(f"{path}: a file of options ends in .yaml or .json")
    text = _text(file)
    found = _from_json(path, text) if file.suffix.casefold() == ".json" else _from_yaml(path, text)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ZaohuaError(f"{path}: must hold options and their values, such as `max_steps: 1000`")
    return {str(name).replace("-", "_"): value for name, value in found.items()}


def from_file(path: str, flags: Sequence[Flag], also: Sequence[str] = ()) -> dict[str, object]:
    """Read the values that a file gives to flags, by name.

    Args:
        path: the file.
        flags: those that it may give values to.
        also: other keys that it may hold.

    Raises:
        ZaohuaError: it holds another key, or a value that is of the wrong type or out of bounds.
    """
    named = {name: flag for flag in flags for name in _names(flag) if name not in ("config", "print_config")}
    values = {}
    for name, value in load(path).items():
        if name in also:
            continue
        if name not in named:
            raise unknown(f"option in {path}:", name, [*also, *named])
        flag = named[name]
        values[flag.name] = words.from_file(f"{path}: {name}", flag.type, value)
        check_bounds(f"{path}: {name}", flag, values[flag.name])
    return values


def text(flags: Sequence[Flag], values: Mapping[str, object], titles: Mapping[str, str], **first: object) -> str:
    """Write a file that `--config` reads, with the help of each flag above its value.

    Args:
        flags: of the command.
        values: theirs, by name.
        titles: of groups of flags that are to have others than usual.
        first: other keys, which stand at the top.
    """
    lines = ["# Options for `zaohua ... --config FILE`; those given on the command line go before them."]
    lines += [_yaml(name, value) for name, value in first.items() if value is not None]
    for group, title in {**TITLES, **titles}.items():
        members = [flag for flag in flags if flag.group == group and flag.name not in ONCE]
        lines += ["", f"# ---- {title}"] if members else []
        for flag in members:
            about = textwrap.wrap(described(flag, flag.help), WIDTH - 2, break_on_hyphens=False)
            lines += ["", *(f"# {line}" for line in about)]
            lines.append(_yaml(flag.name, values[flag.name]))
    return "\n".join(lines)


def _names(flag: Flag) -> list[str]:
    """List the names that a file may use for a flag."""
    return [flag.name, *(other[2:].replace("-", "_") for other in flag.short if other.startswith("--"))]


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError:
        raise ZaohuaError(f"{file}: is no text in UTF-8") from None


def _from_json(path: str, text: str) -> JsonValue:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ZaohuaError(f"{path}: is no JSON: {error}") from None


def _from_yaml(path: str, text: str) -> JsonValue:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise ZaohuaError(f"{path}{where}: is no YAML: {problem or error}") from None


def _yaml(name: str, value: object) -> str:
    """Write a line `name: value`."""
    import yaml

    plain = json.loads(json.dumps(value))  # tuples as lists
    if isinstance(plain, str) and "\n" in plain:
        return f"{name}: {json.dumps(plain)}"
    text = yaml.safe_dump(plain, allow_unicode=True, default_flow_style=True, width=math.inf)
    return f"{name}: {text.removesuffix('...' + chr(10)).strip()}"
