"""`zaohua serve`: what it refuses before it listens, and a server as people start it."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import zaohua as zh
from zaohua.serving import server

RUN = Path(__file__).parents[1] / "golden" / "runs" / "gpt"
KEY = "key-of-tests"


@pytest.fixture(autouse=True)
def not_run(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[object, ...]]]:
    """Servers that would be run."""
    called: list[tuple[object, ...]] = []
    monkeypatch.setattr(server, "run", lambda *given, told: (called.append(given), told()))
    monkeypatch.delenv("ZAOHUA_API_KEY", raising=False)
    yield called
    for _, _, listening in called:
        listening.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "models.example.org"])
def test_other_machines_need_a_key(zaohua: Callable, not_run: list, host: str) -> None:
    said = zaohua("serve", RUN, "--host", host)
    assert said.code == 2 and "export ZAOHUA_API_KEY=" in said.err and "--api-key-file" in said.err and not not_run


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1.2.3"])
def test_this_machine_needs_none(zaohua: Callable, not_run: list, host: str) -> None:
    said = zaohua("serve", RUN, "--host", host, "--port", "0", "--slots", "3", "--hosts", "a.org", "b.org")
    assert said.code == 0, said.err
    shelf, settings, _ = not_run[0]
    assert list(shelf.cards) == ["gpt"] and settings.slots == 3 and settings.hosts == ("a.org", "b.org")
    assert settings.keys == () and "Authorization" not in said.out


def test_keys_come_from_the_environment_or_a_file(
    zaohua: Callable, not_run: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZAOHUA_API_KEY", f"{KEY}, other")
    said = zaohua("serve", RUN, "--host", "0.0.0.0", "--port", "0")
    assert not_run[-1][1].keys == (KEY, "other") and KEY not in said.out + said.err
    assert '-H "Authorization: Bearer $ZAOHUA_API_KEY"' in said.out and "http://127.0.0.1:" in said.out
    (tmp_path / "keys").write_text(f"\n {KEY}2 \n")
    said = zaohua("serve", RUN, "--api-key-file", tmp_path / "keys", "--port", "0")
    assert not_run[-1][1].keys == (f"{KEY}2",) and "$(head -1 " in said.out
    assert KEY not in repr(not_run[-1][1])


def test_keys_are_no_options(zaohua: Callable) -> None:
    """Everybody on a machine can read the arguments of its processes."""
    said = zaohua("serve", RUN, "--api-key", KEY)
    assert said.code == 2 and "--api-key-file" in said.err


@pytest.mark.parametrize(
    "text, part", [("", "holds no key"), ("a b\n", "without spaces"), ("ключ\n", "ASCII"), (None, "No such file")]
)
def test_files_of_keys_that_hold_none(zaohua: Callable, tmp_path: Path, text: str | None, part: str) -> None:
    path = tmp_path / "keys"
    if text is not None:
        path.write_text(text)
    said = zaohua("serve", RUN, "--api-key-file", path)
    assert said.code == 2 and part in said.err and len(said.err.splitlines()) == 1


def test_what_is_not_installed_is_told_in_one_line(zaohua: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "uvicorn" else found(name))
    said = zaohua("serve", RUN)
    assert (said.code, said.err) == (2, "zaohua: error: serving needs uvicorn: pip install 'zaohua[serve]'\n")


def test_a_port_that_is_taken(zaohua: Callable) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        said = zaohua("serve", RUN, "--port", other.getsockname()[1])
    assert said.code == 2 and "Address already in use" in said.err and "--port" in said.err


@pytest.mark.parametrize("arguments", [(), ("nowhere",), (RUN, "--port", "70000"), (RUN, "--preload", "other")])
def test_mistakes(zaohua: Callable, not_run: list, arguments: tuple[object, ...]) -> None:
    said = zaohua("serve", *arguments)
    assert said.code == 2 and len(said.err.splitlines()) == 1 and not not_run


def cpu(process: int) -> float:
    """CPU seconds that a process has used."""
    found = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(found[11]) + int(found[12])) / os.sysconf("SC_CLK_TCK")


def when(process: int, url: str) -> float:
    """CPU seconds that a process had used when an address answered 200."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=20):
                return cpu(process)
        except (urllib.error.HTTPError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"{url} doesn't answer")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_server_as_people_start_it(tmp_path: Path) -> None:
    """It answers at once, is ready soon, can be tried as it says, and ends when told so."""
    source = Path(zh.__file__).parents[1]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "zaohua", "serve", str(RUN), "--port", str(port)]
    env = {**os.environ, "PYTHONPATH": str(source), "ZAOHUA_API_KEY": KEY}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as made:
        try:
            assert when(made.pid, f"http://127.0.0.1:{port}/health") < 1.5
            assert when(made.pid, f"http://127.0.0.1:{port}/health/ready") < 6  # 4 on a quiet machine
            lines = [made.stdout.readline() for _ in range(3)]  # type: ignore[union-attr]
            assert f"http://127.0.0.1:{port}/docs" in lines[0] and lines[1].split()[:2] == ["gpt", "GPT,"]
            tried = subprocess.run(lines[2].removeprefix("try: "), shell=True, capture_output=True, env=env, check=True)
            assert json.loads(tried.stdout)["choices"][0]["finish_reason"], tried.stdout
        finally:
            made.send_signal(signal.SIGTERM)
            said, told = made.communicate(timeout=30)
    assert made.returncode == 0 and not told, told
