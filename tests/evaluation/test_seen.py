"""Items that a model was trained on are known by their content, whatever their files are called."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.sounds import RATE, tone
from tests.trainings import reloaded

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.estimator import seen
from zaohua.evaluation import summaries
from zaohua.tasks.evaluation import compare, evaluate, splits_of

RNG = np.random.default_rng


def pictures(folder: Path, n: int, seed: int) -> Path:
    folder.mkdir(parents=True)
    for i, pixels in enumerate(RNG(seed).integers(0, 256, (n, 8, 8), np.uint8)):
        Image.fromarray(pixels).save(folder / f"{i:03d}.png")
    return folder


def renamed(source: Path, target: Path, n: int) -> Path:
    """The first n pictures of a folder, in another format and under other names."""
    target.mkdir()
    for i, path in enumerate(sorted(source.iterdir())[:n]):
        Image.open(path).save(target / f"other-{i}.bmp")
    return target


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of 120 pictures, copies of 100 of them and 40 new ones."""
    home = tmp_path_factory.mktemp("seen")
    data = pictures(home / "data", 120, 0)
    zh.Gaussian(random_state=0).fit(data, out=home / "gaussian")
    zh.GMM(n_components=2, random_state=0).fit(data, out=home / "gmm")
    renamed(data, home / "copies", 100)
    pictures(home / "new", 40, 1)
    return home


def test_copies_of_training_pictures_are_told_in_flags_card_and_json(home: Path, tmp_path: Path) -> None:
    found = evaluate(zh.load(home / "gaussian"), data=home / "copies")
    assert found.split == "given" and found.trained_on == 1
    assert found.flags[0].startswith("100 of 100 pictures that this is measured by were trained on: ")
    shutil.copytree(home / "gaussian", tmp_path / "run")
    summaries.note_in_card(tmp_path / "run", found)
    card = (tmp_path / "run" / "README.md").read_text("utf-8")
    assert ", given; 100% of it was trained on" in card and "note: 100 of 100 pictures" in card
    assert json.loads(json.dumps(found.to_json()))["trained_on"] == 1
    assert evaluate(zh.load(home / "gaussian"), data=home / "new").trained_on == 0
    with pytest.raises(ZaohuaError, match="is what the model was trained on"):
        splits_of(zh.load(home / "gaussian"), home / "data")


def test_a_few_copies_among_new_pictures_are_told(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "new", tmp_path / "mixed")
    renamed(home / "data", tmp_path / "some", 3)
    for path in (tmp_path / "some").iterdir():
        shutil.copy(path, tmp_path / "mixed")
    found = evaluate(zh.load(home / "gaussian"), data=tmp_path / "mixed")
    assert found.flags[0].startswith("3 of 43 pictures") and found.trained_on == pytest.approx(3 / 43)


def test_a_comparison_by_training_items_has_no_winner(home: Path) -> None:
    found = compare([home / "gaussian", home / "gmm"], data=home / "copies")
    assert found.winner is None and "learnt from items that it is measured by" in found.doubt
    assert any("were trained on" in flag for row in found.rows for flag in row.flags)


def test_held_out_items_are_not_trained_on(tmp_path: Path) -> None:
    data = pictures(tmp_path / "data", 60, 3)
    model = zh.DCGAN(**{**zh.DCGAN.tiny, "max_steps": 2}, validation_fraction=0.5, random_state=0).fit(data)
    codes = model.encode_items(data).codes
    held, learnt = model.hold_out(60, zh.core.noise.derive_seed(model.seed_, "split"))
    counts = [model.count_seen(codes[rows]) for rows in (held, learnt)]
    assert [(one.found, one.checked) for one in counts if one] == [(0, 30), (30, 30)]


def test_fine_tuned_models_remember_what_their_base_learnt(tmp_path: Path) -> None:
    first, second = pictures(tmp_path / "a", 30, 4), pictures(tmp_path / "b", 30, 5)
    settings: dict[str, Any] = {**zh.VAE.tiny, "max_steps": 2, "random_state": 0}
    base = zh.VAE(**settings).fit(first, out=tmp_path / "base")
    model = reloaded(base.finetune(second, max_steps=2), tmp_path / "tuned")
    for data, count in ((first, 30), (second, 30), (pictures(tmp_path / "c", 30, 6), 0)):
        found = model.count_seen(model.encode_items(data).codes)
        assert found is not None and found.found == count


@pytest.mark.parametrize("kind", ["sounds", "table", "texts", "music"])
def test_every_kind_of_data(kind: str, tmp_path: Path) -> None:
    learnt, new, model = KINDS[kind]()
    model = reloaded(model.fit(learnt), tmp_path)
    again = model.count_seen(model.encode_items(learnt).codes)
    others = model.count_seen(model.encode_items(new).codes)
    assert again is not None and again.accused and again.share == pytest.approx(1, abs=0.01)
    assert others is not None and not others.accused and others.share < 0.01


def _sounds() -> tuple[Any, Any, Any]:
    learnt, new = ([zh.Sound(tone(100 + 7 * i + 3 * k), RATE) for i in range(12)] for k in (0, 1))
    return learnt, new, zh.VAE(**{**zh.VAE.tiny, "max_steps": 1}, random_state=0)


def _table() -> tuple[Any, Any, Any]:
    return RNG(0).normal(size=(200, 4)), RNG(1).normal(size=(200, 4)), zh.GaussianCopula(random_state=0)


def _texts() -> tuple[Any, Any, Any]:
    words = "the a cat dog sat ran on under mat moon and or".split()
    learnt, new = ([" ".join(RNG(seed).choice(words, 60)) for seed in range(k, k + 20)] for k in (0, 50))
    return learnt, new, zh.GPT(**{**zh.GPT.tiny, "max_steps": 1}, validation_fraction=0, patience=None, random_state=0)


def _music() -> tuple[Any, Any, Any]:
    def piece(seed: int) -> zh.Piece:
        pitches = RNG(seed).integers(50, 80, 24)
        return zh.Piece(np.c_[np.arange(24), np.ones(24), pitches, np.zeros(24)].astype(int))

    settings = {**zh.MusicGPT.tiny, "max_steps": 1, "validation_fraction": 0.0, "patience": None, "random_state": 0}
    return [piece(i) for i in range(12)], [piece(i) for i in range(40, 52)], zh.MusicGPT(**settings)


KINDS = {"sounds": _sounds, "table": _table, "texts": _texts, "music": _music}


def test_what_could_be_listed_isnt_remembered() -> None:
    """Hashes of rows of one or two columns could be turned back by trying all rows; those of four could not."""
    for columns, kept in ((1, False), (2, False), (4, True)):
        model = zh.GaussianCopula(random_state=0).fit(RNG(0).normal(size=(300, columns)).round(2))
        assert bool(model.seen_) == kept
    categories = RNG(0).integers(0, 3, (300, 6)).astype(str)
    assert not zh.GaussianCopula(random_state=0).fit(categories).seen_


def test_repeated_items_are_no_evidence() -> None:
    """A quarter of the training items are equal, as are new ones: that says nothing of where they are from."""
    codes = RNG(0).integers(0, 256, (400, 64)).astype(np.uint8)
    codes[::4] = 7
    memory = seen.remember(_hashes(codes), 5)
    new = RNG(1).integers(0, 256, (100, 64)).astype(np.uint8)
    new[::4] = 7
    found = seen.recall(memory, _hashes(new))
    assert found.usual == pytest.approx(0.25, abs=0.01) and (found.found, found.accused) == (25, False)
    assert seen.recall(memory, _hashes(codes[:100])).accused


def test_a_large_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "MOST", 100)
    codes = RNG(0).integers(0, 256, (5000, 16)).astype(np.uint8)
    memory = seen.remember(_hashes(codes), 5)
    assert len(json.dumps(memory)) < 1000 and memory["modulus"] == 50
    found = seen.recall(memory, _hashes(codes[:1000]))
    assert 5 <= found.checked <= 45 and found.found == found.checked and found.share == 1


def _hashes(codes: np.ndarray) -> np.ndarray:
    import torch

    return seen.item_hashes(torch.from_numpy(codes), np.arange(len(codes)), 5)
