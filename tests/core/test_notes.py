"""Notes on data, and options in messages."""

import warnings

import pytest

from zaohua.core.advice import command_line, option
from zaohua.core.notes import DataNote, gathered, note, shown


def test_a_note_is_a_warning_at_the_users_line():
    with pytest.warns(DataNote, match="left out 8 .heic files") as caught:
        note("left out 8 .heic files")
    assert caught[0].filename == __file__


def test_notes_are_gathered_in_order_and_once():
    with warnings.catch_warnings(), gathered() as notes:
        warnings.simplefilter("error")
        for text in ("a", "b", "a"):
            note(text)
    assert notes == ["a", "b"]
    with pytest.warns(DataNote):
        note("a")


def test_many_names_are_counted():
    assert shown(["a", "b"]) == "a, b"
    assert shown(list("abcde")) == "a, b, c and 2 more"


def test_options_are_written_as_they_are_typed():
    assert option("max_tries", 5) == "max_tries=5" and option("size") == "size="
    with command_line():
        assert option("max_tries", 5) == "--max-tries 5" and option("flip", False) == "--no-flip"
        assert option("leave_out", ("a", "b c")) == "--leave-out a 'b c'"
        assert option("kinds", {"b c": "integer", "d": "ordered"}) == "--kinds 'b c' integer d ordered"
    assert option("kinds", {"a": "integer"}) == "kinds={'a': 'integer'}"
