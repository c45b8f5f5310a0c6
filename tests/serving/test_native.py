"""The routes of our own, for every kind of data."""

from __future__ import annotations

import base64
import io
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from PIL import Image

import zaohua as zh


@pytest.fixture(scope="module")
def ask(address: str) -> Any:
    """Post JSON to a route."""

    def ask(route: str, accept: str = "*/*", **body: Any) -> httpx.Response:
        headers = {"Authorization": "Bearer secret", "Accept": accept}
        return httpx.post(f"{address}/v1/{route}", json=body, headers=headers, timeout=60)

    return ask


def refused(answer: httpx.Response, param: str | None, status: int = 400) -> str:
    """Check that an answer names what is wrong; return its message."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["param"] == param, error
    return str(error["message"])


def encoded(file: io.BytesIO) -> str:
    return base64.b64encode(file.getvalue()).decode()


def png(pixels: np.ndarray) -> str:
    out = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(out, "PNG")
    return encoded(out)


def opened(data: str) -> io.BytesIO:
    return io.BytesIO(base64.b64decode(data))


def grey(image: np.ndarray) -> np.ndarray:
    """The pixels of a digit, 0 to 16, as a file has them."""
    return np.asarray(np.rint(image.astype(float) * 255 / 16))


def test_samples_of_every_kind(ask: Any, loaded: dict[str, Any], tmp_path: Any) -> None:
    def made(model: str) -> list[Any]:
        return list(ask("samples", model=model, n=2, seed=3).json()["data"])

    assert made("texts") == loaded["texts"].sample(2, random_state=3)
    expected = loaded["digits"].sample(2, random_state=3)
    for data, pixels in zip(made("digits"), expected, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(opened(data))), grey(pixels))
    for data, sound in zip(made("tones"), loaded["tones"].sample(2, random_state=3), strict=True):
        assert np.abs(soundfile.read(opened(data))[0] - sound.samples).max() <= 1 / 32768
    (tmp_path / "a.mid").write_bytes(opened(made("chords")[0]).getvalue())
    assert len(zh.read(tmp_path / "a.mid")[0][0].notes) == len(loaded["chords"].sample(1, random_state=3)[0].notes)
    rows = loaded["people"].sample(2, random_state=3)
    assert [row["town"] for row in made("people")] == rows.town.tolist()


def test_samples_with_conditions_and_options(ask: Any, loaded: dict[str, Any]) -> None:
    data = ask("samples", model="digits", n=2, seed=3, y=["d1", "d7"], steps=2, guidance=1.5).json()["data"]
    expected = loaded["digits"].sample(2, random_state=3, y=["d1", "d7"], steps=2, guidance=1.5)
    np.testing.assert_array_equal(np.asarray(Image.open(opened(data[1]))), grey(expected[1]))
    assert "d0" in refused(ask("samples", model="digits", y="zebra"), "y")
    refused(ask("samples", model="digits", n=2, y=["d1"]), "y")
    refused(ask("samples", model="digits", y={"a": 1}), "y")
    refused(ask("samples", model="latent", y="d1"), "y")
    assert "1,000" in refused(ask("samples", model="digits", steps=10**6), "steps")
    assert "steps" in refused(ask("samples", model="digits", steps=0), None)
    refused(ask("samples", model="digits", sampler="/etc/passwd"), None)
    for name, value in (("max_frames", 10**9), ("particles", 10**9), ("melody", "/etc/passwd"), ("top_p", 1e30)):
        refused(ask("samples", model="chords" if name != "top_p" else "tones", **{name: value}), name)


def test_one_item_as_a_file(ask: Any) -> None:
    answer = ask("samples", accept="image/png", model="digits")
    assert answer.headers["content-type"] == "image/png" and Image.open(io.BytesIO(answer.content)).size == (8, 8)
    answer = ask("samples", accept="text/plain", model="texts", seed=1)
    assert answer.text == ask("samples", model="texts", seed=1).json()["data"][0]


def test_scores(ask: Any, loaded: dict[str, Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["d1 is odd.", "d2 is even."]
    answer = ask("scores", model="texts", items=texts).json()
    np.testing.assert_allclose(answer["data"], loaded["texts"].score_samples(texts), rtol=1e-5)
    assert answer["kind"] == "exact" and answer["unit"] == "nats"
    images = np.stack([np.arange(64).reshape(8, 8) // 4, np.full((8, 8), 16)])
    answer = ask("scores", model="latent", items=[png(grey(image)) for image in images]).json()
    np.testing.assert_allclose(answer["data"], loaded["latent"].score_samples(images), rtol=1e-5)
    assert answer["kind"] == "lower_bound" and answer["notes"] == []
    answer = ask("scores", model="latent", items=[png(grey(images[0]) + 1)]).json()
    assert "rounded to the nearest" in answer["notes"][0]
    rows = [{"age": 30, "town": "Bonn", "height": 1.8}, {"height": 1.8, "age": 30, "town": "Oz"}]
    answer = ask("scores", model="people", items=rows).json()
    assert len(answer["data"]) == 2 and "unlike training's" in answer["notes"][0]
    assert ask("scores", model="people", items=rows, unseen="zero").json()["data"][1] is None


def test_texts_are_never_files(ask: Any, loaded: dict[str, Any], tmp_path: Any) -> None:
    path = tmp_path / "secret.txt"
    path.write_text("d1 is odd.")
    refused(ask("scores", model="texts", items=[str(path)]), None)  # letters that the model doesn't know
    refused(ask("scores", model="digits", items=[str(path)]), "items.0")
    refused(ask("samples", model="tones", y=str(path)), "y")
    refused(ask("restore", model="digits", item=f"file://{path}", degradation="noise 1"), "item")
    refused(ask("restore", model="digits", item="http://127.0.0.1:1/a.png", degradation="noise 1"), "item")


def test_latents(ask: Any, loaded: dict[str, Any]) -> None:
    image = np.arange(64).reshape(8, 8) // 4
    latents = ask("latents", model="latent", items=[png(grey(image))]).json()["data"]
    np.testing.assert_allclose(latents, loaded["latent"].transform(image[None]), rtol=1e-4, atol=1e-5)
    back = ask("latents", model="latent", latents=latents).json()["data"]
    pixels = loaded["latent"].inverse_transform(np.asarray(latents))[0]
    np.testing.assert_array_equal(np.asarray(Image.open(opened(back[0]))), grey(pixels))
    refused(ask("latents", model="latent"), "items")
    refused(ask("latents", model="latent", latents=[[1.0], [1.0, 2.0]]), "latents")
    assert "can't" in refused(ask("latents", model="people", items=[{"age": 1}]), "model")


def test_restore(ask: Any) -> None:
    image = np.arange(64).reshape(8, 8) * 4
    hole = np.zeros((8, 8))
    hole[4:] = 255
    answer = ask("restore", model="digits", item=png(image), mask=png(hole), steps=2, seed=1, n=2, draws=True).json()
    assert answer["how"] and len(answer["data"]) == 2
    np.testing.assert_array_equal(np.asarray(Image.open(opened(answer["data"][0])))[:4], image[:4])
    answer = ask("restore", model="digits", item=png(image[:4, :4]), degradation="downscale 2", steps=2).json()
    assert Image.open(opened(answer["data"][0])).size == (8, 8)
    refused(ask("restore", model="digits", item=png(image), mask=png(hole[:3])), "mask")
    refused(ask("restore", model="digits", item=png(image), gaps=[[0, 1]]), "gaps")
    assert "what happened" in refused(ask("restore", model="digits", item=png(image)), None)
    refused(ask("restore", model="digits", item=png(image), degradation="x" * 600), "degradation")
    refused(ask("restore", model="people", item="x"), "model")


def test_restore_sounds(ask: Any) -> None:
    out = io.BytesIO()
    soundfile.write(out, 0.3 * np.sin(np.arange(100) / 3), 1000, format="WAV")
    answer = ask("restore", model="mels", item=encoded(out), gaps=[[0.04, 0.06]], seed=1).json()
    whole, given = (soundfile.read(each)[0] for each in (opened(answer["data"][0]), io.BytesIO(out.getvalue())))
    np.testing.assert_array_equal(whole[:40], given[:40])
    assert len(whole) == 100 and answer["how"]
    refused(ask("restore", model="mels", item=encoded(out), gaps=[[0.4, 0.6]]), None)
    refused(ask("restore", model="mels", item=encoded(out), gaps=[[0.4]]), "gaps")
    refused(ask("restore", model="mels", item=base64.b64encode(b"RIFFxxxx").decode(), gaps=[[0, 1]]), "item")


def test_tables(ask: Any, loaded: dict[str, Any]) -> None:
    answer = ask("tables", model="people", n=3, given={"town": "Ulm"}, seed=2).json()
    assert [row["town"] for row in answer["data"]] == ["Ulm"] * 3 and set(answer["data"][0]) == {
        "age",
        "town",
        "height",
    }
    rows = [{"age": 30, "town": None, "height": None}, {"age": 44, "town": "Ulm", "height": 1.7}]
    filled = ask("tables", model="people", rows=rows, seed=2).json()["data"]
    assert filled[1] == rows[1] and filled[0]["age"] == 30 and filled[0]["town"] in ("Ulm", "Bonn")
    draws = ask("tables", model="people", rows=rows, seed=2, n_draws=3).json()["data"]
    assert len(draws) == 3 and draws[0] == filled
    refused(ask("tables", model="people", rows=rows, n=2), "rows")
    assert "Oz" in refused(ask("tables", model="people", given={"town": "Oz"}), None)
    refused(ask("tables", model="people", rows=[{"age": [1]}]), "rows.0.age.str")
    refused(ask("tables", model="digits"), "model")


def test_what_is_sent_is_measured_first(ask: Any) -> None:
    huge = io.BytesIO()
    Image.new("1", (60_000, 60_000)).save(huge, "PNG")
    refused(ask("scores", model="digits", items=[encoded(huge)]), "items.0", 413)
    long = io.BytesIO()
    soundfile.write(long, np.zeros(20_000), 1000, format="FLAC")
    refused(ask("scores", model="tones", items=[encoded(long)]), "items.0", 413)
    refused(ask("scores", model="texts", items=["x"] * 9), "items")
    refused(ask("scores", model="texts", items=[]), "items")
