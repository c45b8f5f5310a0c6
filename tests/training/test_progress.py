from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console
from tests.trainings import PLAIN, Mean, digits

from zaohua.training.callbacks.progress import Progress, clock, make_bar


def event(kind: str, progress: float, **more: object) -> SimpleNamespace:
    defaults = {"step": int(100 * progress), "total": 100, "elapsed": 65.0, "record": {}, "message": ""}
    return SimpleNamespace(kind=kind, progress=progress, **{**defaults, **more})


def test_plain_lines_where_there_is_no_terminal():
    out = io.StringIO()
    with Progress("vae", out) as progress:
        progress(event("start", 0.0))
        progress(event("log", 0.5, record={"loss/model": 1.25, "items_per_second": 1234.0}))
        progress(event("end", 1.0))
    lines = out.getvalue().splitlines()
    assert lines[0] == "vae:   0%  step 0/100"
    assert lines[-1] == "vae: 100%  step 100/100  loss 1.25  1,234 items/s  1:05 in all"


def test_quiet_shows_warnings_only():
    out = io.StringIO()
    with Progress("vae", out, quiet=True) as progress:
        progress(event("log", 0.5))
        progress(event("warning", 0.5, message="disk full"))
    assert out.getvalue() == "vae: warning: disk full\n"


def test_what_the_end_has_to_say_is_a_line_of_its_own():
    out = io.StringIO()
    with Progress("vae", out) as progress:
        progress(event("log", 0.5, message="not for people"))
        progress(event("end", 1.0, message="too few steps"))
    assert out.getvalue().splitlines()[1:] == ["vae: 100%  step 100/100  1:05 in all", "vae: note: too few steps"]


def test_a_bar_on_a_terminal(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(out, "isatty", lambda: True)
    with Progress("gan", out) as progress:
        progress(event("log", 0.25, record={"loss/generator": 1.0, "loss/discriminator": 2.0}))
    assert "gan" in out.getvalue() and "generator 1" in out.getvalue()


def test_clock():
    assert [clock(s) for s in (5, 65, 3725)] == ["0:05", "1:05", "1:02:05"]


def test_callbacks_that_answer_everything_are_heard_once() -> None:
    """Each answer is a record that the others hear of; answers to records aren't records again."""
    heard: list[str] = []

    def answer(event: Any) -> dict[str, Any]:
        heard.append(event.kind)
        return {"answer": event.kind}

    model = Mean(max_steps=2, **PLAIN).fit(digits()[0], callbacks=[answer, answer])
    kinds = [kind for kind in heard if kind != "record"]
    assert [record["answer"] for record in model.history_ if "answer" in record] == kinds
    assert heard.count("record") == 2 * len(kinds)


@pytest.mark.parametrize("width", [30, 50])
def test_a_narrow_terminal_keeps_percentage_and_time_left(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "dumb")
    bar = make_bar(io.StringIO())
    bar.add_task(
        "vae-my-photos-2", total=1.0, completed=0.42, details="step 1,234/5,000  loss 0.1", left="1:23:45 left"
    )
    shown = Console(width=width, file=io.StringIO())
    shown.print(bar.get_renderable())
    text = cast(io.StringIO, shown.file).getvalue()
    assert text.count("\n") == 1 and "42%" in text and "1:23:45 left" in text
