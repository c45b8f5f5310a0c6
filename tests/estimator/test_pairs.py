"""Items and their conditions leave together, and a run finds the same pairs again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.sounds import wav

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import gathered
from zaohua.modalities import MelCodec, modality, read
from zaohua.modalities.texts.held_out import divided

FLOW = {**zh.Flow.tiny, "max_steps": 1, "random_state": 0}
N = 20


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Pictures x and y of the same grey, and sounds of four windows, of which one of each is broken."""
    for name in "xy":
        (tmp_path / name).mkdir()
        for i in range(N):
            Image.new("L", (4, 4), 10 * i).save(tmp_path / name / f"{i:02}.png")
    (tmp_path / "s").mkdir()
    for i in range(N):
        (tmp_path / "s" / f"{i:02}.wav").write_bytes(wav(np.full(3200, 1000 * i, "<i2").tobytes()))
    (tmp_path / "x" / "03.png").write_bytes(b"")
    (tmp_path / "y" / "05.png").write_bytes(b"")
    (tmp_path / "s" / "07.wav").write_bytes(b"")
    return tmp_path


def left(notes: list[str]) -> list[str]:
    return [note for note in notes if "left out" in note]


def test_a_broken_half_takes_the_other_along(place: Path) -> None:
    with gathered() as notes:
        model = zh.Flow(**FLOW).fit(place / "x", place / "y")
        encoded = model.encode_items(place / "x", place / "y")
    assert model.n_items_ == N - 2 == len(encoded.codes) == len(encoded.y_codes)
    assert encoded.codes.flatten(1)[:, 0].tolist() == [10 * i for i in range(N) if i not in (3, 5)]
    assert encoded.codes.equal(encoded.y_codes[np.arange(N - 2)])
    assert left(notes) == [
        f"1 of 20 images ({place}/x/03.png (empty)) left out",
        f"1 of 19 images ({place}/y/05.png (empty)) left out",
        f"left out 1 item whose conditions are broken ({place}/x/05.png)",
    ]


def test_windows_leave_with_the_condition_of_their_recording(place: Path) -> None:
    codec = MelCodec(seconds=0.1, long="windows", bands=8)
    with gathered() as notes:
        model = zh.Flow(**{**FLOW, "codec": codec}).fit(place / "s", place / "x")
        encoded = model.encode_items(place / "s", place / "x")
    assert model.n_items_ == 4 * (N - 2) == len(encoded.codes)
    greys = [10 * i for i in range(N) if i not in (3, 7) for _ in range(4)]
    assert encoded.y_codes[np.arange(len(greys))].flatten(1)[:, 0].tolist() == greys
    assert left(notes)[-1].startswith("left out 4 items whose conditions are broken (")


def test_a_broken_part_of_a_record_takes_the_others_along(place: Path) -> None:
    files = [place / "y" / f"{i:02}.png" for i in range(N)]
    y: list[dict[str, object]] = [{"picture": file, "parity": i % 2} for i, file in enumerate(files)]
    y[8] = {"parity": 0}
    with gathered() as notes:
        model = zh.Flow(**FLOW).fit(place / "x", y)
        encoded = model.encode_items(place / "x", y)
    kept = [i for i in range(N) if i not in (3, 5)]
    assert model.n_items_ == len(encoded.codes) == len(encoded.y_codes) == N - 2
    assert encoded.codes.flatten(1)[:, 0].tolist() == [10 * i for i in kept]
    record = encoded.y_codes[np.arange(N - 2)]
    there = record.present["picture"].tolist()
    assert there == [i != 8 for i in kept]
    greys = record.parts["picture"].flatten(1)[:, 0].tolist()
    assert [grey for grey, is_in in zip(greys, there, strict=True) if is_in] == [10 * i for i in kept if i != 8]
    assert model.y_codec_.codecs_["parity"].decode(record.parts["parity"]) == [i % 2 for i in kept]
    assert any("05.png (empty)" in note for note in notes)


def test_pages_of_one_condition_are_refused(place: Path) -> None:
    frames = [Image.new("L", (4, 4), 50 * i) for i in range(3)]
    frames[0].save(place / "y" / "00.png", save_all=True, append_images=frames[1:])
    with pytest.raises(ZaohuaError, match="y of item 0 has several parts, such as pages"), gathered():
        zh.Flow(**FLOW, y_codec=zh.ImageCodec(pages="all")).fit(place / "x", place / "y")


def test_captions_of_a_picture_are_held_out_together_and_stay_out_of_the_run(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold_out, groups = zh.GPT.hold_out, []
    monkeypatch.setattr(zh.GPT, "hold_out", lambda *given: groups.append(given[3].tolist()) or hold_out(*given))
    (place / "x" / "03.png").unlink()
    rows = [(f"{i:02}.png", f"word{'abcdefghijklmnopqrst'[i]} {j}") for i in range(N) if i != 3 for j in range(3)]
    table = "file_name,caption\n" + "".join(f"{name},{text}\n" for name, text in rows)
    (place / "x" / "metadata.csv").write_text(table)
    tiny = {**zh.GPT.tiny, "max_steps": 2, "validation_fraction": 0.2, "random_state": 0}
    with gathered():
        model = zh.GPT(**tiny).fit(place / "x", True, out=place / "run")
        texts, y = read(place / "x", True, prefer=modality("texts"))
    assert model.n_items_ == len(rows) == len(texts)
    learnt, held_out, _, _ = divided([model], texts, y)  # as `evaluate` does
    pictures = [{text.split()[0] for text in part} for part in (learnt, held_out)]
    assert pictures[0].isdisjoint(pictures[1]) and len(held_out) == 3 * len(pictures[1]) == 12
    assert len(groups) > 1 and all(found == [i for i in range(N - 1) for _ in range(3)] for found in groups)
    saved = (place / "run" / "model.json").read_text()
    assert "worda" not in saved and json.loads(saved)["source"]["y"] is True


def test_a_run_finds_its_conditions_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    with gathered():
        whole = zh.Flow(**{**FLOW, "max_steps": 2}).fit("x", "y")
        zh.Flow(**FLOW).fit("x", "y", out=place / "run")
        source = json.loads((place / "run" / "model.json").read_text())["source"]
        assert source == {"X": "x", "at": str(place / "x"), "y": "y", "y_at": str(place / "y")}
        (place / "elsewhere").mkdir()
        monkeypatch.chdir(place / "elsewhere")
        again = zh.Flow(**{**FLOW, "max_steps": 2}).resume(place / "run")
        assert all(tensor.equal(again.tensors()[name]) for name, tensor in whole.tensors().items())
        (place / "y").rename(place / "moved")
        with pytest.raises(ZaohuaError, match="the training data, .*y, are no longer at .*y: say where they are"):
            zh.Flow(**{**FLOW, "max_steps": 3}).resume(place / "run")
        assert zh.Flow(**{**FLOW, "max_steps": 3}).resume(place / "run", place / "x", place / "moved").n_steps_ == 3
