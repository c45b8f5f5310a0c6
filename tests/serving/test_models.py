"""The served models: cards without torch, loaded when asked for, and the least recently used given up."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.serving.engines import RUNS, model, run, texts
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import DataNote
from zaohua.serving.engines.shelf import Runs
from zaohua.serving.settings import Settings
from zaohua.serving.work import Full, TextWork
from zaohua.storage.layout import WEIGHTS

CARDS = """
import sys
from zaohua.serving.engines.shelf import Runs
from zaohua.serving.settings import Settings
cards = Runs(sys.argv[1:], Settings()).cards
assert len(cards) == len(sys.argv) - 1
assert "torch" not in sys.modules and "numpy" not in sys.modules
"""


def test_cards_tell_what_is_known_without_torch() -> None:
    subprocess.run([sys.executable, "-c", CARDS, *(str(RUNS / name) for name in ("gpt", "flow", "gmm"))], check=True)
    cards = Runs([RUNS / name for name in ("gpt", "gpt-chat", "flow", "independent", "vae-sounds")], Settings()).cards
    assert {name: (card.kind, card.modality) for name, card in cards.items()} == {
        "gpt": ("GPT", "texts"),
        "gpt-chat": ("GPT", "texts"),
        "flow": ("Flow", "images"),
        "independent": ("Independent", "tables"),
        "vae-sounds": ("VAE", "sounds"),
    }
    assert cards["gpt"].labels == ("class a", "class b", "class c") and cards["gpt"].facts["context"] == 16
    assert cards["flow"].facts["shape"] == [8, 8]
    assert cards["vae-sounds"].facts["rate"] == 1000
    assert cards["independent"].facts["columns"][:2] == ["low", "high"]
    assert cards["gpt"].created > 1_600_000_000
    wanted = {"chat": "gpt-chat", "suffix": "gpt-chat", "impute": "independent"}
    for capability, name in wanted.items():
        assert [other for other, card in cards.items() if capability in card.capabilities] == [name]
    assert {"sample", "score_samples", "restore"} <= cards["flow"].capabilities


@pytest.mark.parametrize("name", ["gpt", "gpt-chat", "flow", "vae", "vocoder", "independent", "wavenet", "gmm"])
def test_cards_promise_what_the_model_has(name: str) -> None:
    promised = Runs([RUNS / name], Settings()).cards[name].capabilities - {"suffix", "restore"}
    assert {method for method in promised if not hasattr(model(name), method)} == set()


def test_names_are_of_folders_and_all_differ(tmp_path: Path) -> None:
    for place in ("a", "b"):
        shutil.copytree(RUNS / "gmm", tmp_path / place / "gmm")
    with pytest.warns(DataNote, match="served as gmm-2"):
        runs = Runs([tmp_path / "a" / "gmm", tmp_path / "b" / "gmm"], Settings())
    assert list(runs.cards) == ["gmm", "gmm-2"]
    with pytest.raises(KeyError):
        run(_engine(runs, "../a/gmm"))


async def _engine(runs: Runs, name: str) -> Any:
    return await runs.engine(name)


def test_runs_that_hold_no_model_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ZaohuaError, match="no run"):
        Runs([tmp_path / "none"], Settings())
    with pytest.raises(ZaohuaError, match="nothing to serve"):
        Runs([], Settings())
    shutil.copytree(RUNS / "gmm", tmp_path / "young")
    (tmp_path / "young" / WEIGHTS).unlink()
    with pytest.raises(ZaohuaError, match="no weights yet"):
        Runs([tmp_path / "young"], Settings())


def test_one_run_is_loaded_at_the_start() -> None:
    async def found() -> list[bool]:
        runs = Runs([RUNS / "gmm"], Settings())
        out = [runs.ready]
        await runs.start()
        out.append(runs.ready)
        await runs.engine("gmm")
        out.append(runs.ready)
        await runs.close()
        return out

    assert run(found()) == [False, False, True]


def test_of_several_none_is_loaded_before_it_is_asked_for() -> None:
    async def found() -> Any:
        runs = Runs([RUNS / "gmm", RUNS / "flow"], Settings())
        await runs.start()
        first = await asyncio.gather(runs.engine("gmm"), runs.engine("gmm"))
        assert runs.ready and first[0] is first[1] is await runs.engine("gmm")
        await runs.close()
        return first[0].loaded

    assert run(found())


def test_the_least_recently_used_is_given_up() -> None:
    names = ("gpt", "char-rnn", "gpt-chat")

    async def found() -> Any:
        everything = Runs([RUNS / name for name in names], Settings())
        sizes = [(await everything.engine(name)).size for name in names]
        await everything.close()
        assert min(sizes) > 0
        runs = Runs([RUNS / name for name in names], Settings(memory=sum(sizes) - 1))
        gpt, rnn = await runs.engine("gpt"), await runs.engine("char-rnn")
        assert await runs.engine("gpt") is gpt and await runs.engine("char-rnn") is rnn
        assert await runs.engine("gpt") is gpt
        chat = await runs.engine("gpt-chat")
        with pytest.raises(Full):
            rnn.write(TextWork("a"))
        assert await runs.engine("gpt") is gpt and await runs.engine("gpt-chat") is chat
        again = await texts(await runs.engine("char-rnn"), TextWork("a", 1, 1))
        await runs.close()
        return again

    want = model("char-rnn").sample(1, prompt="a", random_state=1)[0].removeprefix("a")
    assert run(found()) == [want]


def test_a_model_larger_than_the_memory_is_refused() -> None:
    async def found() -> None:
        await Runs([RUNS / "gpt"], Settings(memory=1000)).engine("gpt")

    with pytest.raises(ZaohuaError, match="memory"):
        run(found())


def test_a_damaged_model_is_told_and_the_others_work(tmp_path: Path) -> None:
    shutil.copytree(RUNS / "gmm", tmp_path / "gmm")
    (tmp_path / "gmm" / WEIGHTS).write_bytes(b"no weights")

    async def found() -> int:
        runs = Runs([tmp_path / "gmm", RUNS / "flow"], Settings())
        for _ in range(2):
            with pytest.raises(ZaohuaError, match="gmm"):
                await runs.engine("gmm")
        made: int = await (await runs.engine("flow")).call(lambda model: len(model.sample(2)))
        await runs.close()
        return made

    assert run(found()) == 2
