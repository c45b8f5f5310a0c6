"""Work out what `zaohua sample --y`, `--y-file` and `--each` ask for: conditions of any kind, or values of columns."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zaohua.cli import condition_files, typed
from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.notes import note

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel
    from zaohua.modalities.condition_base import ConditionCodec
    from zaohua.modalities.records.codec import RecordCodec

MOST = 10_000
"""Number of combinations of labels that --each lists at most."""


@dataclass(frozen=True)
class Conditions:
    """What the items to make are conditioned on.

    Attributes:
        y: as `sample` takes it: a list or array with one for each item, values by column, or None.
        n: how many items to make.
        names: the condition of each item as people know it: a label, a text, a number, a `Path`, a set of labels, or a
            dictionary of such; None without.
        column: name of the column of conditions in a table of the items, see `ConditionCodec.column`.
    """

    y: Any
    n: int
    names: Sequence[object] | None = None
    column: str = ""


@dataclass(frozen=True)
class Given:
    """Conditions to choose from, before they take turns.

    Attributes:
        found: as a codec takes them.
        names: of each, see `Conditions.names`.
        exactly: whether they are one for each item, as in a file.
    """

    found: typed.Collection
    names: Sequence[object]
    exactly: bool = False


def read_conditions(
    model: GenerativeModel, given: Sequence[str], n: int | None, each: int | None, file: str | None = None
) -> Conditions:
    """Work out what to make, for a model and the values of --y, --y-file, -n and --each.

    Args:
        model: fitted.
        given: labels by name, numbers, texts, files or folders of the kind that the model is conditioned on,
            `part=value` of records, or `column=value` of tables.
        n: items to make, at least 1; None: as many as usual for their kind and at least one for each condition, or
            one for each in a file.
        each: items to make of each condition instead.
        file: path of a file of conditions.

    Raises:
        ZaohuaError: the model takes no such conditions, or can't list them for --each.
    """
    usual = model.codec_.usual_number
    if _are_columns(model, given):
        if each is not None or file is not None:
            raise ZaohuaError("--each and --y-file are for conditions; with columns given, -n says how many rows")
        columns = {name: value for name, _, value in (text.partition("=") for text in given)}
        return Conditions(columns, n or usual)
    codec = model.y_codec_
    if codec is None:
        for option, value in (("--y", given), ("--y-file", file)):
            if value:
                raise ZaohuaError(f"this run was trained without conditions, so it can't take {option}")
        if each is not None:
            raise ZaohuaError("--each needs a model with labels, and this run has none")
        return Conditions(None, n or usual)
    if not given and file is None and each is None:
        if codec.log_prior() is None:
            note("made without a condition: --y gives one")
        return Conditions(None, n or usual)
    found = given_conditions(codec, given, file)
    count = len(found.names)
    if each is not None:
        rows = [row for row in range(count) for _ in range(each)]
    else:
        rows = [i % count for i in range(n or (count if found.exactly else max(usual, count)))]
    return Conditions(typed.pick(found.found, rows), len(rows), [found.names[row] for row in rows], codec.column)


def given_conditions(codec: ConditionCodec, given: Sequence[str], file: str | None = None) -> Given:
    """Return the conditions that --y and --y-file give; without them all that the codec can list."""
    from zaohua.modalities.records.codec import RecordCodec

    if isinstance(codec, RecordCodec):
        return _records(codec, given, file)
    if given and file is not None:
        raise ZaohuaError("--y and --y-file both give conditions: give one of them")
    if file is not None:
        return _of_file(codec, Path(file).expanduser())
    if given:
        return Given(*typed.read_words(codec, given))
    known = all_conditions(codec)
    if known is None:
        raise ZaohuaError("this run's conditions can't be listed: name those to make --each of with --y")
    return Given(known, known)


def all_conditions(codec: ConditionCodec) -> list[object] | None:
    """List every condition that a codec knows, such as all labels; None if they can't be listed."""
    log_prior = codec.log_prior()
    if log_prior is None:
        return None
    import torch

    return list(codec.decode(torch.arange(len(log_prior))))


def _of_file(codec: ConditionCodec, path: Path) -> Given:
    """Return the conditions in a file."""
    values = condition_files.read_column(path, codec)
    if codec.modality == "texts":
        if None in values:
            note(f"an empty line of {path} is no condition")
        values = ["" if value is None else value for value in values]
    if None in values:
        raise ZaohuaError(f"{path}, number {values.index(None) + 1}: has no condition")
    if any(isinstance(value, Path) for value in values):
        return Given(*typed.read_files(codec, [str(value) for value in values], "--y-file"), exactly=True)
    return Given(values, values, exactly=True)


# ---- records


def _records(codec: RecordCodec, given: Sequence[str], file: str | None) -> Given:
    """Return the records that are given part by part, whose values take turns together; else all that can be listed."""
    if not given and file is None:
        records = _combinations(codec)
        return Given(records, records)
    parts = {name: _of_part(codec, name, words) for name, words in _by_part(codec, given).items()}
    if file is not None:
        path = Path(file).expanduser()
        for name, column in condition_files.read_parts(path, codec).items():
            if name in parts:
                raise ZaohuaError(f"{name} is given by --y and by {path}: give it once")
            parts[name] = column
    longest = max(map(len, parts.values()))
    for name, column in parts.items():
        if len(column) not in (1, longest):
            raise ZaohuaError(
                f"y[{name!r}] has {len(column)} values, where another part has {longest}: give one for all, or as many"
            )
    rows = zip(*(column * (longest // len(column)) for column in parts.values()), strict=True)
    listed: list[object] = [
        {name: value for name, value in zip(parts, row, strict=True) if value is not None} for row in rows
    ]
    return Given(listed, listed, exactly=file is not None)


def _by_part(codec: RecordCodec, given: Sequence[str]) -> dict[str, list[str]]:
    """Return the words that are given for each part: what stands behind `part=`.

    Raises:
        ZaohuaError: a word names no part; the message suggests similar ones.
    """
    names = list(codec.codecs_)
    if names == [codec.ONLY]:
        return {codec.ONLY: list(given)} if given else {}
    words: dict[str, list[str]] = {}
    for text in given:
        name = max((name for name in names if text.startswith(f"{name}=")), key=len, default=None)
        if name is None:
            if "=" in text:
                raise unknown("part of y", text.partition("=")[0], names)
            raise ZaohuaError(f"--y {text}: this run's conditions have parts ({', '.join(names)}): write PART=VALUE")
        words.setdefault(name, []).append(text[len(name) + 1 :])
    return words


def _of_part(codec: RecordCodec, name: str, words: Sequence[str]) -> list[object]:
    """Return the values of a part one by one; None for empty words, which leave it out."""
    from zaohua.modalities.records.codec import naming

    values: list[object] = []
    for word in words:
        with naming(name):
            values += typed.singles(*typed.read_words(codec.codecs_[name], [word])) if word.strip() else [None]
    return values


def _combinations(codec: RecordCodec) -> list[object]:
    """List the combinations of all labels of the parts that can be listed; the others are left out, and named."""
    known = {name: all_conditions(part) for name, part in codec.codecs_.items()}
    listed: Mapping[str, list[object]] = {name: values for name, values in known.items() if values is not None}
    others = [name for name in known if name not in listed]
    if not listed:
        raise ZaohuaError("this run's conditions can't be listed: name those to make --each of with --y")
    if others:
        note(f"each combination of {' and '.join(listed)}, without {' and '.join(others)}, which can't be listed")
    many = math.prod(map(len, listed.values()))
    if many > MOST:
        raise ZaohuaError(f"{' and '.join(listed)} have {many:,} combinations: name those to make --each of with --y")
    return [dict(zip(listed, row, strict=True)) for row in itertools.product(*listed.values())]


# ---- columns


def _are_columns(model: GenerativeModel, given: Sequence[str]) -> bool:
    """Tell whether --y gives values to columns of a table, and not labels or parts of records."""
    from zaohua.estimator.columns import Tabular
    from zaohua.modalities.records.codec import RecordCodec

    if not given or not isinstance(model, Tabular) or not all("=" in text for text in given):
        return False
    codec = model.y_codec_
    if codec is None:
        return True
    if isinstance(codec, RecordCodec):
        return not any(text.startswith(f"{name}=") for text in given for name in codec.codecs_)
    known = all_conditions(codec)  # a text or a file may hold what looks like a column
    return known is not None and not {str(label) for label in known}.issuperset(given)
