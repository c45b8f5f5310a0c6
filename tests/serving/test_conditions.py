"""Conditions as requests give them: none is guessed, and none is taken for a file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zaohua.modalities.images.codec import ImageCodec
from zaohua.modalities.labels.codec import LabelCodec
from zaohua.modalities.records.codec import RecordCodec
from zaohua.modalities.texts.codec import TextCodec
from zaohua.serving.requests import conditions
from zaohua.serving.requests.errors import ApiError

LABELS = LabelCodec().fit([1, 2, 3])
TEXTS = TextCodec().fit(["hello there", "good day"])
PICTURES = ImageCodec().fit(np.zeros((2, 4, 4), np.uint8))
SPEECH = RecordCodec(parts={"text": "texts", "speaker": "labels"}).fit(
    [{"text": "hello there", "speaker": "theo"}, {"text": "good day", "speaker": "anna"}]
)


def refused(call: Any, *arguments: Any) -> ApiError:
    with pytest.raises(ApiError) as error:
        call(*arguments)
    assert error.value.status == 400
    return error.value


def test_prompts() -> None:
    assert conditions.of_prompt(LABELS, "2") == 2
    assert conditions.of_prompt(LABELS, " ") is None and conditions.of_prompt(None, "") is None
    assert conditions.of_prompt(TEXTS, "/etc/passwd") == "/etc/passwd"  # a text, and no more
    assert conditions.of_prompt(SPEECH, "hello") == {"text": "hello"}
    assert refused(conditions.of_prompt, LABELS, "9").param == "prompt"
    assert refused(conditions.of_prompt, None, "2").param == "prompt"
    assert "images" in refused(conditions.of_prompt, PICTURES, "/etc/passwd").message


def test_speech() -> None:
    assert conditions.of_speech(SPEECH, "hello", "anna") == {"text": "hello", "speaker": "anna"}
    assert conditions.of_speech(SPEECH, "hello", "default") == {"text": "hello"}
    assert conditions.of_speech(TEXTS, "hello", "default") == "hello"
    assert conditions.of_speech(LABELS, "", "2") == 2 and conditions.of_speech(LABELS, "2", "default") == 2
    assert conditions.of_speech(LABELS, "", "default") is None and conditions.of_speech(None, "", "default") is None
    assert refused(conditions.of_speech, SPEECH, "hello", "alloy").param == "voice"
    assert refused(conditions.of_speech, LABELS, "hello", "2").param == "input"  # nothing would say it
    assert refused(conditions.of_speech, None, "hello", "default").param == "input"
    assert refused(conditions.of_speech, TEXTS, "hello", "anna").param == "voice"


def test_json() -> None:
    assert conditions.of_json(LABELS, ["1", 2], 2) == [1, 2] and conditions.of_json(LABELS, 3, None) == 3
    record = {"text": "hello", "speaker": "theo"}
    assert conditions.of_json(SPEECH, record, None) == record
    assert conditions.of_json(SPEECH, [record, {"speaker": "anna", "text": None}], 2) == [record, {"speaker": "anna"}]
    assert conditions.of_json(None, None, 1) is None
    for codec, given, n in [
        (None, 1, 1),
        (LABELS, [1, 2], 3),
        (LABELS, [1], None),
        (LABELS, {"a": 1}, 1),
        (LABELS, [[]], 1),
        (LABELS, 9, 1),
        (LABELS, [True, 9], 2),
        (SPEECH, {"voice": "theo"}, 1),
        (SPEECH, "theo", 1),
        (PICTURES, "a.png", 1),
    ]:
        assert (refused(conditions.of_json, codec, given, n).param or "").startswith("y")


def test_columns() -> None:
    assert conditions.of_columns({"a": 1, "b": ["x", None]}) == {"a": 1, "b": ["x", None]}
    assert refused(conditions.of_columns, {"a": {"b": 1}}).param == "y"
