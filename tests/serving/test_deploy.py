"""What runs the server elsewhere: container, service, the page about it."""

from __future__ import annotations

import ast
import configparser
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.rows import RowShelf
from tests.serving.wire import Wire, serving
from zaohua.cli.flags import from_fields, parse
from zaohua.cli.serve import FLAGS
from zaohua.core.params import fields_of
from zaohua.serving.engines.shelf import Runs
from zaohua.serving.settings import Settings

ROOT = Path(__file__).parents[2]
RUNS = ROOT / "tests" / "golden" / "runs"
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
PAGE = (ROOT / "docs" / "howto" / "serve.md").read_text()
README = (ROOT / "README.md").read_text()


def unit() -> configparser.SectionProxy:
    """The settings of the service."""
    found = configparser.ConfigParser(strict=False, interpolation=None)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read(ROOT / "deploy" / "zaohua.service")
    return found["Service"]


def test_the_service_waits_until_accepted_requests_are_finished() -> None:
    program, command, run, *options = shlex.split(unit()["ExecStart"])
    assert program.endswith("/zaohua") and command == "serve" and run.startswith("/")
    flags = [*FLAGS, *from_fields(fields_of(Settings), leave_out=("keys",))]
    values = parse("zaohua serve RUN", "", flags, options)
    assert int(unit()["TimeoutStopSec"]) > values.of("drain_seconds", float) + values.of("stop_seconds", float)
    assert values["api_key_file"] and unit()["DynamicUser"] == "yes" and unit()["ProtectSystem"] == "strict"
    assert int(unit()["LimitNOFILE"]) > values.of("max_connections", int)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd isn't here")
def test_systemd_understands_the_service(tmp_path: Path) -> None:
    text = (ROOT / "deploy" / "zaohua.service").read_text()
    (tmp_path / "zaohua.service").write_text(text.replace("/opt/zaohua/bin/zaohua", sys.executable))
    said = subprocess.run(["systemd-analyze", "verify", tmp_path / "zaohua.service"], capture_output=True, text=True)
    assert "zaohua.service" not in said.stderr, said.stderr


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint isn't here")
def test_the_container_is_as_it_should_be() -> None:
    said = subprocess.run(["hadolint", ROOT / "deploy" / "Dockerfile"], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout


def test_the_container_is_healthy_while_the_server_answers() -> None:
    """Its check, run as it stands there."""
    found = re.search(r"HEALTHCHECK .*?CMD (\[.*?\])\n", DOCKERFILE, re.S)
    assert found is not None
    _, *arguments = ast.literal_eval(found[1])
    with serving(RowShelf(), Settings(port=0)) as wire:
        command = [sys.executable, *(word.replace("8000", str(wire.port)) for word in arguments)]
        assert subprocess.run(command).returncode == 0
    assert subprocess.run(command, capture_output=True).returncode == 1


def test_the_container_has_no_rights() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert "\nUSER 10001\n" in last and "--uid 10001" in last and "ADD " not in last
    assert re.search(r"^ARG PYTHON=3\.\d+\.\d+$", DOCKERFILE, re.M), "the image is to be named to the letter"
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)) == {"python:${PYTHON}-slim-trixie"}
    assert "API_KEY" not in last


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """The models of the page."""
    folder = tmp_path_factory.mktemp("runs")
    for name, run in {"poems": "gpt", "digits": "gmm"}.items():
        shutil.copytree(RUNS / run, folder / name)
    settings = Settings(port=0)
    with serving(Runs([folder / "poems", folder / "digits"], settings), settings) as wire:
        yield wire


@pytest.mark.parametrize("line", re.findall(r"^curl .*$", PAGE + README, re.M))
def test_the_requests_of_the_page_and_the_readme_are_answered(wire: Wire, line: str) -> None:
    command = [*shlex.split(line.replace("127.0.0.1:8000", f"127.0.0.1:{wire.port}")), "--silent", "--fail-with-body"]
    said = subprocess.run(command, capture_output=True, text=True)
    assert (
        said.returncode == 0
        and '"data":[{' in said.stdout
        or '"choices":[' in said.stdout
        or '"data":["' in said.stdout
    )


def test_the_page_names_all_measures_and_the_defaults(wire: Wire) -> None:
    names = {name for name in re.findall(r"^# TYPE (zaohua_\w+)", wire.get("/metrics").body.decode(), re.M)}
    assert {name for name in names if not name.endswith("_created")} == set(re.findall(r"`(zaohua_\w+)`", PAGE))
    limits = {**dict(re.findall(r"`--([\w-]+)` \| ([\d,]+)", PAGE.split("## Limits")[1])), "body": ""}
    own = Settings()
    assert int(limits["max-connections"].replace(",", "")) == own.max_connections
    assert int(limits["queue"]) == own.queue and own.max_body == int(limits["max-body"]) << 20
    assert own.max_held == int(limits["max-held"]) << 20 and float(limits["request-seconds"]) == own.request_seconds
    assert f"{own.max_n} items, {own.max_tokens:,} tokens, {own.max_steps:,} steps" in PAGE
