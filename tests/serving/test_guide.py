"""What the page on clients shows is run against a server."""

from __future__ import annotations

import os
import re
import subprocess
import venv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PAGE = (Path(__file__).parents[2] / "docs/howto/serve-clients.md").read_text()
NAMES = {"shakespeare": "texts", "assistant": "talk"}
"""Models of the page, and those of the tests that stand for them."""
LINES = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for line in block.splitlines() if "curl" in line]
SCRIPTS = re.findall(r"```py\n(.*?)```", PAGE, re.S)
CLIENTS = Path(__file__).with_name("clients.txt")
ENVIRONMENT = {**os.environ, "ZAOHUA_API_KEY": "secret"}


def put(text: str, address: str) -> str:
    """Return a part of the page for the server of the tests."""
    for shown, own in NAMES.items():
        text = text.replace(f'"{shown}"', f'"{own}"')
    return text.replace("http://127.0.0.1:8000", address)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with the files that the page names."""
    mask = np.zeros((8, 8, 4), np.uint8)
    mask[:4, :, 3] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    Image.fromarray(mask[:, :, 3]).save(tmp_path / "photo.png")
    return tmp_path


@pytest.mark.parametrize("line", LINES)
def test_curl(line: str, address: str, files: Path) -> None:
    done = subprocess.run(
        put(line, address).replace("curl ", "curl -sS --fail-with-body "),
        shell=True,
        cwd=files,
        env=ENVIRONMENT,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if "-o " in line:
        assert (files / line.rpartition("-o ")[2]).stat().st_size > 50
    else:
        assert b'"data"' in done.stdout or b'"choices"' in done.stdout
        assert b'"error"' not in done.stdout


def test_openai(address: str, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)
    monkeypatch.setenv("ZAOHUA_API_KEY", "secret")
    exec(compile(put(SCRIPTS[0], address), "serve-clients.md", "exec"), {})
    assert Image.open("three.png").size == (256, 256) and Path("tone.wav").stat().st_size > 50


@pytest.mark.slow
def test_clients_of_their_own_environment(address: str, tmp_path: Path) -> None:
    """LangChain and LlamaIndex, which need an older client of OpenAI's, and that client itself."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", str(CLIENTS)]
    subprocess.run([python, *install], check=True, timeout=1800)
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "PYTHONPATH"}
    for number, script in enumerate(SCRIPTS):
        path = tmp_path / f"script{number}.py"
        path.write_text(put(script, address))
        done = subprocess.run(
            [python, path], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0 and done.stdout.strip(), done.stderr
