"""Say what data were taken for, and every doubt: in one line of `zaohua train`, and at length by `zaohua read`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zaohua.cli.flags import echo
from zaohua.core.json import Json
from zaohua.core.notes import gathered, note

if TYPE_CHECKING:
    from zaohua.estimator.listening import EncodedData
    from zaohua.modalities.base import Codec


@contextmanager
def told(quiet: bool) -> Iterator[Json]:
    """Say what was read in one line, once a model has encoded it inside the context, and before it is trained.

    If the data are refused instead, the notes so far are warnings before the error.

    Args:
        quiet: whether to print nothing.

    Yields:
        A dictionary that holds the description as JSON values, after the data are encoded.
    """
    from zaohua.core.hardware import is_main_process
    from zaohua.estimator.listening import listening

    with gathered() as notes:
        description: Json = {}

        def tell(data: EncodedData) -> None:
            description.update(described(data, notes.take()))
            if not quiet and is_main_process():
                for line in data.codec.about(data.n_items):
                    echo(line)
                echo(in_one_line(description))

        try:
            with listening(tell):
                yield description
        finally:
            rest = [] if notes.taken else notes.take()
            for text in rest:
                note(text)


def described(data: EncodedData, notes: list[str]) -> Json:
    """Describe encoded data as JSON values.

    Args:
        data: the data.
        notes: what was noted of them.
    """
    return {
        "kind": data.codec.modality,
        "items": data.n_items,
        "description": data.codec.describe(data.n_items),
        "labels": None if data.y_codec is None else data.y_codec.describe(),
        "notes": notes,
    }


def in_one_line(description: Json) -> str:
    """Write a description in one line: "read: 2,000 pictures of 32 x 32 pixels, 10 labels; left out 8 .heic files"."""
    labels = description["labels"]
    first = description["description"] + (f", {labels}" if labels else "")
    return "read: " + "; ".join([first, *description["notes"]])


def counts_of(codec: Codec | None) -> dict[str, int]:
    """Return the labels and how often each occurs; empty if the conditions aren't labels."""
    from zaohua.modalities import LabelCodec

    if not isinstance(codec, LabelCodec):
        return {}
    return dict(zip(map(str, codec.classes_), codec.counts_, strict=True))


def at_length(description: Json, counts: dict[str, int], columns: list[str]) -> str:
    """Write a description for people: a line for each fact.

    Args:
        description: as `described` returns it.
        counts: labels and their numbers.
        columns: what each column of a table is taken for.
    """
    lines = [*columns, f"{description['kind']}: {description['description']}"]
    if counts:
        shown = ", ".join(f"{label} ({count:,})" for label, count in [*counts.items()][:20])
        lines.append(f"labels: {shown}" + (f" and {len(counts) - 20:,} more" if len(counts) > 20 else ""))
    else:
        lines.append(f"labels: {description['labels'] or 'none'}")
    lines += [f"note: {text}" for text in description["notes"]]
    return "\n".join(lines)
