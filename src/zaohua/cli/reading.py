"""Say what data were taken for, and every doubt: in one line of `zaohua train`, and at length by `zaohua read`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zaohua.cli.flags import echo
from zaohua.core.json import Json
from zaohua.core.notes import Notes, gathered, note, shown

if TYPE_CHECKING:
    from zaohua.estimator.listening import EncodedData
    from zaohua.modalities.condition_base import ConditionCodec
    from zaohua.training.events import Event

MOST = 20
"""Maximum number of labels that are listed."""


class Told:
    """Description of the data that a model encodes, which is printed in one line.

    It is a callback of training, too: then the line is printed at the start, after all checks and notes.

    Args:
        notes: what is noted meanwhile.
        quiet: whether to print nothing.

    Attributes:
        facts: the description as JSON values; empty before it is printed.
        at_once: whether to print as soon as the data are encoded, for models that have no callbacks.
    """

    def __init__(self, notes: Notes, quiet: bool):
        from zaohua.core.hardware import is_main_process

        self.notes, self.quiet, self.at_once = notes, quiet or not is_main_process(), True
        self.facts: Json = {}
        self._data: EncodedData | None = None

    def __call__(self, event: Event) -> None:
        """Print the description at the start of training."""
        if event.kind == "start":
            self.show()

    def encoded(self, data: EncodedData) -> None:
        """Keep the description of data that were encoded."""
        self._data = data
        if self.at_once:
            self.show()

    def show(self) -> None:
        """Print the description and the notes so far, once."""
        data, self._data = self._data, None
        if data is None:
            return
        self.facts = described(data, self.notes.take())
        for line in () if self.quiet else (*data.codec.about(data.n_items), in_one_line(self.facts)):
            echo(line)


@contextmanager
def told(quiet: bool) -> Iterator[Told]:
    """Describe the data that a model encodes inside the context.

    If the data are refused instead, the notes so far are warnings before the error.

    Args:
        quiet: whether to print nothing.
    """
    from zaohua.estimator.listening import listening

    with gathered() as notes:
        told = Told(notes, quiet)
        try:
            with listening(told.encoded):
                yield told
        finally:
            for text in [] if notes.taken else notes.take():
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
        "conditions": None if data.y_codec is None else data.y_codec.describe(),
        "labels": _counts(data.y_codec),
        "notes": notes,
    }


def in_one_line(description: Json) -> str:
    """Write a description in one line: "read: 2,000 pictures of 32 x 32 pixels, 10 labels; left out 8 .heic files".

    Conditions that aren't labels are called so: "read: 2,000 pictures ...; conditions: text (texts), place (6 labels)".
    """
    conditions, first = description["conditions"], [description["description"]]
    if description["labels"]:
        first[0] += f", {conditions}"
    elif conditions:
        first.append(f"conditions: {conditions}")
    return "read: " + "; ".join([*first, *description["notes"]])


def at_length(description: Json, columns: Sequence[str]) -> str:
    """Write a description for people: a line for each fact.

    Args:
        description: as `described` returns it.
        columns: what each column of a table is taken for.
    """
    labels = [f"{label} ({count:,})" for label, count in description["labels"].items()]
    lines = [
        *columns,
        f"{description['kind']}: {description['description']}",
        f"labels: {shown(labels, MOST)}" if labels else f"conditions: {description['conditions'] or 'none'}",
        *(f"note: {text}" for text in description["notes"]),
    ]
    return "\n".join(lines)


def _counts(codec: ConditionCodec | None) -> dict[str, int]:
    """Return the labels and how often each occurs; empty if there are none."""
    from zaohua.modalities import LabelCodec

    if not isinstance(codec, LabelCodec):
        return {}
    return dict(zip(map(str, codec.classes_), codec.counts_, strict=True))
