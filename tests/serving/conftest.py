"""A server of tiny models of every kind of data, which all tests of its routes ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest

import zaohua as zh
from tests.serving.live import listening
from tests.sounds import RATE, tone
from tests.trainings import digits, make
from zaohua.serving.engines.shelf import Runs
from zaohua.serving.gate import Gate
from zaohua.serving.settings import Settings


@pytest.fixture(scope="session")
def served_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs."""
    folder = tmp_path_factory.mktemp("served")
    images, numbers = digits(60)
    labels = [f"d{number}" for number in numbers]
    texts = [f"{label} is {'odd' if int(label[1]) % 2 else 'even'}." * 3 for label in labels]
    pairs = [("What is " + label + "?", "It is " + label + ".") for label in labels]
    sounds = [zh.Sound(tone(100 + 20 * int(number)), RATE) for number in numbers]
    chords = [zh.Piece.from_voices(np.array([[72, 60], [72, 64]]) + int(number)) for number in numbers]
    models: dict[str, tuple[Any, ...]] = {
        "texts": (make("GPT", 15, fim=0.3, max_tokens=12), texts),
        "talk": (make("GPT", 15, context=64, max_tokens=12), pairs),
        "digits": (make("Flow", 3), images, labels),
        "latent": (make("VAE", 3), images),
        "tones": (make("WaveNet", 2), sounds, labels),
        "mels": (make("Flow", 2), sounds),
        "chords": (make("ChoraleRNN", 2), chords),
        "people": (zh.Independent(random_state=0), _people()),
    }
    for name, (model, *data) in models.items():
        model.fit(*data, out=folder / name)
    return folder


def _people() -> Any:
    import pandas as pd

    ages = np.arange(60) % 30 + 20
    return pd.DataFrame({"age": ages, "town": np.where(ages > 35, "Ulm", "Bonn"), "height": ages / 100 + 1.5})


@pytest.fixture(scope="session")
def address(served_runs: Path) -> Iterator[str]:
    """Address of the server."""
    settings = Settings(keys=("secret",), max_tokens=200, max_n=8, max_pixels=10_000, max_seconds=10)
    shelf = Runs(sorted(served_runs.iterdir()), settings, preload=[])
    with listening(Gate(shelf, settings)) as address:
        yield address


@pytest.fixture(scope="session")
def client(address: str) -> openai.OpenAI:
    """OpenAI's own client of it."""
    return openai.OpenAI(base_url=f"{address}/v1", api_key="secret", max_retries=0)


@pytest.fixture(scope="session")
def loaded(served_runs: Path) -> dict[str, Any]:
    """The same models, loaded here."""
    return {path.name: zh.load(path) for path in served_runs.iterdir()}
