"""`--y-codec`: what conditions are taken for, from the command line to the run, and when it goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zaohua as zh

TINY = ["--max-steps", "2", "--steps", "2", "--channels", "8", "--batch-size", "4", "--checkpoint-every", "1"]
PARTS = ["--y-codec", "caption", "labels", "age", "labels", "speaker", "texts"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures with captions, speakers and ages in the layout of Hugging Face's folders."""
    folder = tmp_path_factory.mktemp("pairs")
    lines = ["file_name,caption,speaker,age"]
    for i, image in enumerate(np.random.default_rng(0).integers(0, 256, (24, 4, 4), np.uint8)):
        Image.fromarray(image).save(folder / f"{i}.png")
        lines.append(f"{i}.png,{('a boot', 'a bag')[i % 2]},{('ann', 'theo', 'li')[i % 3]},{i + 0.5}")
    (folder / "metadata.csv").write_text("\n".join(lines))
    return folder


def choice(run: str) -> object:
    return json.loads(Path(run, "model.json").read_text())["y_codec_option"]


def test_records(zaohua, data: Path):
    said = zaohua("train", "flow", data, "--out", "run", *TINY, *PARTS)
    assert said.code == 0, said.err
    model = zh.load("run")
    codecs = {name: type(codec).__name__ for name, codec in model.y_codec_.codecs_.items()}
    assert codecs == {"caption": "LabelCodec", "speaker": "CaptionCodec", "age": "LabelCodec"}
    info = json.loads(zaohua("info", "run", "--json").out)
    assert info["y codec"] == {"caption": "labels", "age": "labels", "speaker": "texts"}
    assert info["y caption"] == "2 labels: a bag, a boot"
    assert info["conditions"] == "caption (2 labels), speaker (texts in 8 characters), age (24 labels)"
    assert (
        "| y_codec | {'caption': 'labels', 'age': 'labels', 'speaker': 'texts'} |" in Path("run/README.md").read_text()
    )
    said = zaohua("resume", "run", "--max-steps", "3")
    assert said.code == 0 and zh.load("run").n_steps_ == 3, said.err
    assert zh.load("run").y_codec_.to_json() == model.y_codec_.to_json() and choice("run")["options"]["parts"]
    again = zh.Flow(max_steps=4, **{k: v for k, v in model.get_params().items() if k in ("channels", "batch_size")})
    assert again.resume("run").y_codec_.to_json() == model.y_codec_.to_json()
    said = zaohua("resume", "run", "--max-steps", "5", "--y-codec", "age", "numbers", "speaker", "texts")
    assert said.code == 2 and said.err.count("error") == 1
    assert "caption: CaptionCodec instead of LabelCodec; age: VectorCodec instead of LabelCodec" in said.err
    said = zaohua("train", "flow", data, "--base", "run", "--out", "tuned", "--max-steps", "1")
    assert said.code == 0 and zh.load("tuned").y_codec_.to_json() == model.y_codec_.to_json()
    said = zaohua("train", "flow", data, "--base", "run", "--out", "other", "--y-codec", "age", "texts")
    assert said.code == 2 and "--y-codec can't be given: a fine-tuned model keeps the encoding" in said.err


def test_from_a_file(zaohua, data: Path):
    said = zaohua("train", "flow", data, "--print-config", *TINY, *PARTS, "--guidance", "age", "3", "speaker", "2")
    Path("config.yaml").write_text(said.out)
    assert "y_codec: {age: labels, caption: labels, speaker: texts}" in said.out
    assert zaohua("train", "flow", data, "--config", "config.yaml", "--out", "run").code == 0
    assert choice("run")["options"]["parts"] == {"caption": "labels", "age": "labels", "speaker": "texts"}
    assert zh.load("run").guidance == {"age": 3.0, "speaker": 2.0}


def test_a_single_name(zaohua, data: Path):
    Path("plain").mkdir()
    for i in range(24):
        Path(f"plain/{i}.png").write_bytes((data / f"{i}.png").read_bytes())
    Path("plain/metadata.csv").write_text("file_name,label\n" + "".join(f"{i}.png,a {i % 5}\n" for i in range(24)))
    for name, codec in (("labels", "LabelCodec"), ("texts", "CaptionCodec")):
        said = zaohua("train", "flow", "plain", "--out", name, *TINY, "--y-codec", name)
        assert said.code == 0 and type(zh.load(name).y_codec_).__name__ == codec, said.err
        assert choice(name) == name


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["words"], "unknown codec of y 'words'"),
        (["caption", "words"], "unknown codec of y 'words'"),
        (["captoin", "texts"], "unknown part of y 'captoin'; did you mean 'caption'?"),
        (["caption", "texts", "age"], "--y-codec must be"),
    ],
)
def test_a_mistake_is_one_line(zaohua, data: Path, given: list[str], message: str):
    said = zaohua("train", "flow", data, "--out", "run", *TINY, "--y-codec", *given)
    assert said.code == 2 and said.err.count("\n") == 1 and message in said.err, said.err


def test_help(zaohua):
    shown = zaohua("train", "flow", "--help").out
    assert "--y-codec NAME|PART NAME ..." in shown and "--guidance X|PART X ..." in shown
