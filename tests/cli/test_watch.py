"""Progress of restoration tells which file is worked at, how fast it goes and the time that is left."""

from __future__ import annotations

import pytest

from zaohua.cli.restoration import watch
from zaohua.modalities.images.original import Picture


def test_lines_tell_file_speed_and_time(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    clock = iter([0.0, 0.0, 10.0, 10.0, 10.0, 40.0, 40.0, 40.0, 41.0, 41.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    with watch.Watch("denoise", 2, Picture.speed, quiet=False) as shown:
        shown.file(0, "a.png")
        shown.size = 8e6
        shown(5, 10)
        shown.file(1, "b.png")
        shown.size = 2e6
        shown(1, 2)
    assert capsys.readouterr().err.splitlines() == [
        "denoise:  25%  1/2  a.png  0.4 megapixels/s  0:30 left",
        "denoise:  75%  2/2  b.png  0.23 megapixels/s  0:13 left",
    ]


def test_short_work_and_quiet_work_show_nothing(capsys: pytest.CaptureFixture[str]):
    for quiet in (False, True):
        with watch.Watch("denoise", 1, Picture.speed, quiet) as shown:
            shown.file(0, "a.png")
            shown.began -= 100 if quiet else 0
            shown(1, 2)
    assert capsys.readouterr().err == ""
