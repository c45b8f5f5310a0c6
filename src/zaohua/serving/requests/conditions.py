"""Conditions of items as requests give them: prompts, voices, JSON values. None is ever taken for a file's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import JsonValue
from zaohua.serving.requests.errors import ApiError, invalid

if TYPE_CHECKING:
    from zaohua.modalities.condition_base import ConditionCodec


def of_prompt(codec: ConditionCodec | None, prompt: str, name: str = "prompt") -> object:
    """Return the condition that a prompt stands for: a label, a text or a number; None for an empty one.

    Args:
        codec: of the model's conditions; None without.
        prompt: the prompt; of conditions of several parts it is the text, or the label if there is none.
        name: of the field.

    Raises:
        ApiError: it stands for none; the message lists labels.
    """
    if not prompt.strip():
        return None
    if codec is None:
        raise invalid(name, "this model learnt without conditions: send an empty text")
    parts = _parts(codec)
    if parts is None:
        return _typed(codec, prompt, name)
    for kind in ("texts", "labels"):
        for part, own in parts.items():
            if own.modality == kind:
                return {part: _typed(own, prompt, name)}
    raise invalid(name, f"this model's conditions have parts ({', '.join(parts)}): use /v1/samples")


def of_speech(codec: ConditionCodec | None, text: str, voice: str) -> object:
    """Return the condition of a sound that says a text in a voice, which is a label.

    Of a model that knows labels only, such as words or instruments, either of the two is the label.

    Args:
        codec: of the model's conditions; None without.
        text: what is said; may be empty.
        voice: whose voice it is; "default" for any.

    Raises:
        ApiError: the model doesn't know such a voice, or no texts.
    """
    named = "" if voice == "default" else voice
    parts: Mapping[str, ConditionCodec] = {} if codec is None else _parts(codec) or {"": codec}
    found: dict[str, object] = {}
    for part, own in parts.items():
        if own.modality == "texts" and text:
            found[part], text = _typed(own, text, "input"), ""
        elif own.modality == "labels" and named:
            found[part], named = _typed(own, named, "voice"), ""
        elif own.modality == "labels" and text and len(parts) == 1:
            found[part], text = _typed(own, text, "input"), ""
    if text:
        raise invalid("input", "this model doesn't speak texts: send an empty text")
    if named:
        raise invalid("voice", "this model knows no voices: send 'default'")
    return found.get("", found or None)


def of_json(codec: ConditionCodec | None, given: JsonValue, n: int | None, name: str = "y") -> object:
    """Return conditions of a request in JSON as models take them: one for all items, or a list with one for each.

    Args:
        codec: of the model's conditions; None without.
        given: labels, texts and numbers as they are, parts of records by their names; null for none.
        n: number of items; None for one condition only.
        name: of the field.

    Raises:
        ApiError: a condition is of the wrong kind, or there are more or fewer than items.
    """
    if given is None:
        return None
    if codec is None:
        raise invalid(name, "this model learnt without conditions: leave it out")
    vector = codec.modality == "tables" and isinstance(given, list) and not any(isinstance(x, list) for x in given)
    if isinstance(given, list) and not vector:  # the model tells one vector from a number for each item
        if n is None or len(given) != n:
            raise invalid(name, "one condition for all items, or a list with one for each")
        return [_value(codec, value, name) for value in given]
    return _value(codec, given, name)


def of_columns(given: Mapping[str, JsonValue], name: str = "y") -> dict[str, object]:
    """Return values of columns of a table, each for all rows or a list with one for each."""
    for value in given.values():
        for cell in value if isinstance(value, list) else [value]:
            if isinstance(cell, (list, dict)):
                raise invalid(name, "values of columns are texts, numbers, booleans or null")
    return dict(given)


def _value(codec: ConditionCodec, value: JsonValue, name: str) -> object:
    """Return one condition."""
    parts = _parts(codec)
    if parts is not None:
        if not isinstance(value, dict) or not set(value) <= set(parts):
            raise invalid(name, f"an object with the parts {', '.join(parts)}, any of which may be left out")
        return {part: _value(parts[part], each, f"{name}.{part}") for part, each in value.items() if each is not None}
    if isinstance(value, str):
        return _typed(codec, value, name)
    numbers = value if isinstance(value, list) else [value]
    if not all(isinstance(number, (int, float)) for number in numbers) or not numbers:
        raise invalid(name, "a condition is a label, a text or a number")
    return value if codec.knows([value]).all() else _typed(codec, str(value), name)


def _typed(codec: ConditionCodec, text: str, name: str) -> object:
    """Return the condition that a text stands for."""
    try:
        found = codec.typed(text)
    except ZaohuaError as error:
        raise ApiError(400, f"{name}: {error}", name, "unknown_condition") from None
    if found is None:
        raise invalid(name, f"this model's conditions are {codec.modality or 'files'}, not texts: use /v1/restore")
    return found[0]


def _parts(codec: ConditionCodec) -> Mapping[str, ConditionCodec] | None:
    """Return the codecs of the parts of records; None for conditions without parts."""
    from zaohua.modalities.records.codec import RecordCodec

    return codec.codecs_ if isinstance(codec, RecordCodec) else None
