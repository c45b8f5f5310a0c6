"""What files of commands say of what made them, and how it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import zaohua as zh
from zaohua.storage.atomic import hashes_of
from zaohua.storage.provenance.origin import COMPOSITE, ENHANCED, GENERATED


def told(zaohua: Callable[..., Any], *paths: object) -> Any:
    """What `zaohua origin` says as JSON."""
    said = zaohua("origin", *paths, "--json")
    assert said.code == 0, said.err
    return json.loads(said.out)


def test_samples_say_what_made_them_and_their_pixels_are_the_same(zaohua: Callable[..., Any], gmm: Path) -> None:
    for name, more in (("a.png", ()), ("plain.png", ("--no-origin",)), ("a.npz", ()), ("folder", ())):
        said = zaohua("sample", gmm, "-n", 2, "--seed", 3, "--out", name, *more)
        assert said.code == 0, said.err
    plain = np.asarray(Image.open("plain.png"))
    np.testing.assert_array_equal(np.asarray(Image.open("a.png")), plain)
    for name in ("a.png", "a.npz", "folder/00000.png"):
        found = told(zaohua, name)
        assert (found["origin"]["model"], found["origin"]["seed"]) == ("GMM", 3)
        assert found["origin"]["weights"] == hashes_of(gmm)["weights.safetensors"]
        assert found["unchanged"] and found["source"] == GENERATED
    assert told(zaohua, "plain.png")["origin"] is None and not Path("plain.png.origin.json").exists()
    for path in (Path("a.png"), Path("a.npz.origin.json"), Path("folder/00000.png")):
        for secret in (str(gmm), gmm.name + "/", str(Path.cwd()), "digits"):
            assert secret.encode() not in path.read_bytes()


def test_what_is_told_is_plain(zaohua: Callable[..., Any], gmm: Path) -> None:
    zaohua("sample", gmm, "-n", 2, "--seed", 3, "--out", "a.png")
    Image.new("L", (4, 4)).save("theirs.png")
    one = zaohua("origin", "a.png").out
    assert "model GMM" in one and "seed     3" in one and "all of it was made by a model" in one
    assert "content  as it was written" in one
    Path("a.png").write_bytes(Path("a.png").read_bytes() + b"more")
    both = zaohua("origin", "a.png", "theirs.png").out.splitlines()
    assert "CHANGED since it was written" in both[0] and both[1] == "theirs.png  no origin recorded"
    assert zaohua("origin", "none.png").err == "zaohua: error: none.png: can't be read: No such file or directory\n"
    assert zaohua("origin", ".").err == "zaohua: error: . is a folder: name files in it\n"


def test_restored_files_keep_what_they_said_and_say_what_was_done(zaohua: Callable[..., Any], tmp_path: Path) -> None:
    X = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3), dtype=np.uint8)
    zh.Flow(channels=8, max_steps=1, batch_size=8, random_state=0).fit(X).save("run")
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    Image.fromarray(X[0]).save("photo.jpg", exif=exif)
    fast = ("--steps", "1", "--seed", "0")
    box = ("--box", "1", "1", "3", "3")
    for command, source in ((("denoise", "--noise", "9"), ENHANCED), (("inpaint", *box), COMPOSITE)):
        name, *more = command
        for out in ("out.jpg", "out.png"):
            said = zaohua(name, "run", "photo.jpg", *more, *fast, "--out", out, "--overwrite")
            assert said.code == 0, said.err
            found = told(zaohua, out)
            assert found["source"] == source and found["unchanged"] and found["origin"]["model"] == "Flow"
            assert Image.open(out).getexif()[0x010F] == "Maker"
    zh.write(X[:1], "made.png", origin=zh.load("run"))
    said = zaohua("denoise", "run", "made.png", "--noise", "9", *fast, "--out", "out.png", "--overwrite")
    assert said.code == 0, said.err
    found = told(zaohua, "out.png")  # what a model made stays so, and is said once
    assert found["source"] == GENERATED and found["unchanged"]
    assert Path("out.png").read_bytes().count(b"zaohua\0{") == 1


def test_items_that_are_written_in_python_say_it_too(tmp_path: Path, gmm: Path) -> None:
    model = zh.load(gmm)
    images = model.sample(2, random_state=5)
    path = zh.write(images, tmp_path / "a.png", origin=model.file_origin(5))
    found = zh.origin(path).origin
    assert found is not None and found.seed == 5
    assert found.weights == hashes_of(gmm)["weights.safetensors"]  # of the tensors in memory
    folder = zh.write(images, f"{tmp_path}/folder/", origin=model)
    assert zh.origin(folder / "00001.png").origin is not None
    assert zh.origin(zh.write(images, tmp_path / "b.png")).origin is None
    with zh.no_origin():
        assert zh.origin(zh.write(images, tmp_path / "c.png", origin=model)).origin is None
    np.testing.assert_array_equal(np.asarray(Image.open(path)), np.asarray(Image.open(tmp_path / "b.png")))
    with pytest.raises(zh.ZaohuaError, match="origin must be the model that made the items, not a str"):
        zh.write(images, tmp_path / "d.png", origin="me")  # type: ignore[arg-type]


def test_previews_say_it_unless_they_are_not_to(zaohua: Callable[..., Any]) -> None:
    tiny = ("--max-steps", 2, "--channels", 8, "--latent-dim", 4, "--batch-size", 16, "--preview-every", 2, "--seed", 0)
    for run, more in (("run", ()), ("plain", ("--no-origin",))):
        assert zaohua("train", "vae", "digits", "--out", run, *tiny, *more).code == 0
    one, other = (sorted(Path(run, "previews").iterdir()) for run in ("run", "plain"))
    assert [path.name for path in one] == [path.name for path in other]
    found = told(zaohua, one[0])["origin"]
    assert (found["model"], found["weights"], found["seed"]) == ("VAE", None, 0)
    assert told(zaohua, other[0])["origin"] is None
    np.testing.assert_array_equal(np.asarray(Image.open(one[0])), np.asarray(Image.open(other[0])))


def test_interpolated_items_go_to_a_folder(zaohua: Callable[..., Any], vae: Path) -> None:
    assert zaohua("interpolate", vae, 1, 2, "-n", 3, "--y", "3", "--out", "line").code == 0
    assert len(list(Path("line").glob("*.png"))) == 3 and told(zaohua, "line/00001.png")["origin"]["model"] == "VAE"


def test_signing_is_refused_before_anything_is_made(zaohua: Callable[..., Any], gmm: Path) -> None:
    assert "--sign takes two files, CERT KEY, not 'a.pem'" in zaohua("sample", gmm, "--sign", "a.pem").err
    both = zaohua("sample", gmm, "--sign", "a.pem", "b.pem", "--no-origin").err
    assert "--sign signs what --no-origin leaves out" in both
    pytest.importorskip("c2pa")
    assert "a.pem: can't be read: No such file" in zaohua("sample", gmm, "--sign", "a.pem", "b.pem").err
