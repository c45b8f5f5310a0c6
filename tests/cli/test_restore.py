"""Restoration of files and folders: what goes in comes out, of its size and with all that it held."""

from __future__ import annotations

import importlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.sounds import RATE, tone

import zaohua as zh
from zaohua.cli.options import Options
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import gathered
from zaohua.storage import outputs

RNG = np.random.default_rng(0)
FAST = ("--steps", "2", "--seed", "0")


@pytest.fixture(scope="session")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of pictures in colour, with labels, that was trained for a moment."""
    folder = tmp_path_factory.mktemp("runs") / "flow"
    X = RNG.integers(0, 256, (16, 8, 8, 3), dtype=np.uint8)
    zh.Flow(channels=8, max_steps=1, batch_size=8, random_state=0).fit(X, ["cat", "dog"] * 8).save(folder)
    return folder


@pytest.fixture(scope="session")
def vocoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a vocoder that was trained for a moment."""
    folder = tmp_path_factory.mktemp("runs") / "vocoder"
    sounds = [zh.Sound(tone(100 + 10 * i), RATE) for i in range(8)]
    zh.Vocoder(width=8, layers=1, max_steps=1, batch_size=4, random_state=0).fit(sounds).save(folder)
    return folder


@pytest.fixture
def photo(tmp_path: Path) -> np.ndarray:
    """A picture of 12 x 10 pixels, photo.png, and its pixels; its upper left corner is transparent."""
    pixels = RNG.integers(0, 256, (10, 12, 4), dtype=np.uint8)
    pixels[:, :, 3] = 255
    pixels[:3, :3, 3] = 0
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    Image.fromarray(pixels).save(tmp_path / "photo.png", exif=exif)
    mask = np.zeros((10, 12), np.uint8)
    mask[2:6, 3:9] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    return pixels


def pixels_of(path: str | Path) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        (["denoise", "--noise", "40"], (10, 12, 4)),
        (["denoise"], (10, 12, 4)),
        (["upscale", "--factor", "3", "--noise", "2"], (30, 36, 4)),
        (["deblur", "--blur", "1", "--noise", "5"], (10, 12, 4)),
        (["deblur", "--motion", "3", "45"], (10, 12, 4)),
        (["colourise"], (10, 12, 4)),
        (["extend", "--left", "4", "--bottom", "2"], (12, 16, 4)),
        (["inpaint", "--mask", "mask.png"], (10, 12, 4)),
        (["inpaint", "--mask", "alpha", "--grow", "1"], (10, 12, 3)),
        (["restore", "--degrade", "downscale 2 | noise 4", "--y", "dog"], (20, 24, 4)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_each_command_writes_a_picture_beside_the_given_one(zaohua, flow: Path, photo, arguments: list[str], shape):
    command, *options = arguments
    said = zaohua(command, flow, "photo.png", *options, *FAST, "--json")
    assert said.code == 0, said.err
    facts = json.loads(said.out)
    name = {"denoise": "denoised", "extend": "extended", "inpaint": "inpainted"}.get(
        command, f"{command}d".replace("rd", "rred")
    )
    assert facts["out"] == f"photo-{name}.png" and facts["written"] == [facts["out"]] and facts["how"]
    with Image.open(facts["out"]) as image:
        found = np.asarray(image)
        assert image.getexif()[0x010F] == "Maker"
    assert found.shape == shape
    if command == "inpaint" and "mask.png" in options:
        hole = pixels_of("mask.png") > 0
        assert np.array_equal(found[~hole], photo[~hole]) and not np.array_equal(found[hole], photo[hole])
    elif command == "inpaint":
        assert np.array_equal(found[5:, 5:], photo[5:, 5:, :3])
    elif command == "extend":
        assert np.array_equal(found[:10, 4:], photo)
    elif command != "restore" and command != "upscale":
        assert np.array_equal(found[:, :, 3], photo[:, :, 3])


def test_a_run_that_was_trained_for_it_is_taken_at_its_word():
    stored = {"parameters": {"degrade": "noise 25"}}

    def found(name: str, **values: object) -> str | None:
        command = importlib.import_module(f"zaohua.cli.{name}").main.__self__
        options = Options({**{flag.name: flag.default for flag in command.flags}, **values})
        with gathered() as notes:
            text = command.trained_for(stored, options)
        assert bool(text) == bool(notes)
        return text

    assert found("denoise") == found("restore") == "noise 25"
    assert found("denoise", noise=10.0) == found("deblur") == found("inpaint") is None


def test_a_restorer_undoes_what_it_was_trained_for(zaohua, tmp_path: Path, photo):
    X = RNG.integers(0, 256, (8, 8, 8, 3), dtype=np.uint8)
    zh.Restorer(degrade="downscale 2 | noise 10", channels=8, max_steps=1, batch_size=4).fit(X).save("restorer")
    said = zaohua("upscale", "restorer", "photo.png", "--out", "x.png")
    assert said.code == 0 and said.err.startswith("note: this run was trained to undo 'downscale 2 | noise 10'"), (
        said.err
    )
    assert pixels_of("x.png").shape == (20, 24, 4)
    said = zaohua("upscale", "restorer", "photo.png", "--factor", "4", "--out", "y.png")
    assert said.code == 2 and said.err.count("\n") == 1 and "downscale 2 | noise 10" in said.err


def test_a_run_of_pairs_is_told_what_to_undo_or_taken_as_it_is(zaohua, photo):
    X = RNG.integers(0, 256, (8, 8, 8, 3), dtype=np.uint8)
    zh.Restorer(channels=8, max_steps=1, batch_size=4).fit(X, X // 2).save("pairs")
    said = zaohua("restore", "pairs", "photo.png", "--out", "x.png")
    assert said.code == 0 and said.err.startswith("One pass of this Restorer, which was trained on pairs"), said.err
    said = zaohua("denoise", "pairs", "photo.png", "--noise", "10", "--out", "y.png")
    assert "note: this model was trained on pairs, which don't tell what they show: it is taken to undo" in said.err
    assert np.array_equal(pixels_of("x.png"), pixels_of("y.png"))
    said = zaohua("colourise", "pairs", "photo.png", "--out", "z.png")
    assert said.code == 2 and said.err.endswith("has 1 channel, but this Restorer was shown 3\n")


def test_blur_by_a_kernel_of_a_file(zaohua, flow: Path, photo):
    kernel = np.zeros((3, 5), np.uint8)
    kernel[1] = 40
    Image.fromarray(kernel).save("kernel.png")
    said = zaohua("deblur", flow, "photo.png", "--kernel", "kernel.png", "--noise", "2", *FAST, "--out", "a.png")
    assert said.code == 0 and said.err.startswith("note: the weights of kernel.png divided by their sum, 200"), said.err
    np.save("kernel.npy", kernel / 200)
    said = zaohua("deblur", flow, "photo.png", "--kernel", "kernel.npy", "--noise", "2", *FAST, "--out", "b.png")
    assert said.code == 0 and "divided" not in said.err
    assert np.array_equal(pixels_of("a.png"), pixels_of("b.png"))
    np.save("even.npy", np.ones((2, 3)))
    np.save("negative.npy", np.array([[1.0, -0.5, 1.0]]))
    np.save("black.npy", np.zeros((3, 3)))
    np.save("objects.npy", np.array([None]), allow_pickle=True)
    for name, why in {
        "even.npy": "is 3 x 2, and a kernel has odd sides up to 255",
        "negative.npy": "are finite and not negative",
        "black.npy": "some are above 0",
        "objects.npy": "can't be read as an array",
        "mask.png": "is 12 x 10, and a kernel has odd sides",
        "no.png": "can't be read",
        "no.npy": "can't be read",
    }.items():
        said = zaohua("deblur", flow, "photo.png", "--kernel", name)
        assert said.code == 2 and said.err.count("\n") == 1 and f"{name}: " in said.err and why in said.err, said.err
    assert "give one of" in zaohua("deblur", flow, "photo.png", "--kernel", "even.npy", "--blur", "1").err


def test_grey_models_cannot_colourise_and_advise_nothing_wrong(zaohua, photo):
    zh.Flow(channels=8, max_steps=1).fit(RNG.integers(0, 256, (8, 8, 8), dtype=np.uint8)).save("grey")
    said = zaohua("colourise", "grey", "photo.png")
    wanted = "what is given has 1 channel, and before 'grey' 3, but this model's items have 1\n"
    assert said.code == 2 and said.err.endswith(wanted), said.err


def test_16_bits_stay_and_losses_are_told(zaohua, flow: Path):
    deep = RNG.integers(0, 65536, (8, 8), dtype=np.uint16)
    Image.fromarray(deep).save("deep.png")
    assert zaohua("inpaint", flow, "deep.png", "--box", "2", "2", "3", "3", *FAST).code == 0
    found = pixels_of("deep-inpainted.png")
    outside = np.ones((8, 8), bool)
    outside[2:5, 2:5] = False
    assert found.dtype == np.uint16 and np.array_equal(found[outside], deep[outside])
    said = zaohua("inpaint", flow, "deep.png", "--box", "2", "2", "3", "3", *FAST, "--out", "x.jpg")
    assert "note: a .jpg loses details, so what lies outside of holes changes slightly, too" in said.err
    assert "note: reduced from 16 bits to 8 in a .jpg" in said.err


def test_what_was_done_is_said(zaohua, flow: Path, photo):
    said = zaohua("inpaint", flow, "photo.png", "--mask", "mask.png", *FAST)
    lines = said.err.splitlines()
    assert lines[0] == "note: hole: where mask.png is white (20 % of the picture)"
    assert "denoiser of this Flow" in lines[1] and lines[2].startswith("inpainted in ")
    assert lines[2].endswith(": photo-inpainted.png") and said.out == ""
    assert zaohua("inpaint", flow, "photo.png", "--mask", "mask.png", *FAST).err.endswith(": photo-inpainted-2.png\n")
    assert np.array_equal(pixels_of("photo-inpainted.png"), pixels_of("photo-inpainted-2.png"))  # the same seed


def test_several_answers_their_mean_and_where_they_differ(zaohua, flow: Path, photo):
    call = ("inpaint", flow, "photo.png", "--mask", "mask.png", "--samples", "3", *FAST, "--out", "new/x.png")
    said = zaohua(*call, "--json")
    facts = json.loads(said.out)
    names = ["x-1.png", "x-2.png", "x-3.png", "x-mean.png", "x-differs.png"]
    assert [Path(path).name for path in facts["written"]] == names and sorted(os.listdir("new")) == sorted(names)
    answers = np.stack([pixels_of(f"new/x-{k}.png")[..., :3] for k in (1, 2, 3)]).astype(float)
    mean, differs = pixels_of("new/x-mean.png")[..., :3], pixels_of("new/x-differs.png")
    inside = ((answers > 0) & (answers < 255)).all(0)  # others are cut off after the mean was taken
    assert inside.sum() > 200 and np.abs(mean - answers.mean(0))[inside].max() <= 1
    hole = pixels_of("mask.png") > 0
    assert not differs[~hole].any() and differs[hole].max() == 255 and facts["differ"]["new/x-differs.png"] > 0
    assert "new/x-1.png is there already: --overwrite replaces it" in zaohua(*call).err
    assert zaohua(*call, "--overwrite").code == 0


def test_a_folder_is_restored_file_by_file(zaohua, flow: Path, photo, tmp_path: Path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    shutil.copy("photo.png", "in/deep/b.png")
    Image.fromarray(RNG.integers(0, 256, (9, 7), dtype=np.uint8)).save("in/a.jpg")
    Path("in/c.png").write_bytes(b"no picture")
    Path("in/notes.txt").write_text("hello")
    said = zaohua("denoise", flow, "in", "--noise", "20", *FAST, "--out", "out", "--json")
    facts = json.loads(said.out)
    assert said.code == 0 and facts["files"] == 2
    assert facts["left_out"] == [{"file": "in/c.png", "why": "can't be read: not an image"}]
    assert any("notes.txt" in text for text in facts["notes"])
    assert pixels_of("out/a.jpg").shape == (9, 7) and not Path("out/c.png").exists()
    assert zaohua("denoise", flow, "photo.png", "--noise", "20", *FAST, "--out", "alone.png").code == 0
    assert np.array_equal(pixels_of("out/deep/b.png"), pixels_of("alone.png"))  # alone as among others
    assert "holds files that were written before" in zaohua("denoise", flow, "in", "--out", "out").err
    again = zaohua("denoise", flow, "in", "--noise", "20", *FAST, "--out", "out", "--overwrite")
    assert "left out in/c.png: can't be read: not an image" in again.err.splitlines()
    assert again.err.splitlines()[-1].startswith("2 of 3 files denoised, 1 left out, in ")
    Path("out/mine.png").write_bytes(b"x")
    assert "holds other files (mine.png)" in zaohua("denoise", flow, "in", "--out", "out", "--overwrite").err


def test_a_folder_of_masks_has_the_names_of_the_pictures(zaohua, flow: Path, photo, tmp_path: Path):
    for name in ("in", "masks"):
        (tmp_path / name).mkdir()
    for name in ("a", "b"):
        shutil.copy("photo.png", f"in/{name}.png")
    Image.open("mask.png").save("masks/a.bmp")
    facts = json.loads(zaohua("inpaint", flow, "in", "--mask", "masks", *FAST, "--json").out)
    assert (facts["out"], facts["files"]) == ("in-inpainted", 1)
    assert facts["left_out"] == [{"file": "in/b.png", "why": "b.png has no mask in masks"}]


def test_nothing_but_broken_files_is_an_error(zaohua, flow: Path, tmp_path: Path):
    (tmp_path / "in").mkdir()
    Path("in/a.png").write_bytes(b"x")
    said = zaohua("denoise", flow, "in", "--noise", "2")
    assert said.code == 2
    assert said.err.splitlines()[-1].endswith(
        "none of 1 files could be denoised: in/a.png: can't be read: not an image"
    )
    assert not Path("in-denoised").exists()


def test_ctrl_c_leaves_whole_files_and_says_how_many(zaohua, flow: Path, photo, monkeypatch: pytest.MonkeyPatch):
    from zaohua.cli.restoration.work import Settings

    os.mkdir("in")
    for name in "abc":
        shutil.copy("photo.png", f"in/{name}.png")
    restored, calls = Settings.restored, []

    def stop_at_the_second(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return restored(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Settings, "restored", stop_at_the_second)
    said = zaohua("denoise", flow, "in", "--noise", "20", "--out", "out")
    assert said.code == 130
    assert said.err.splitlines()[-1] == "zaohua: stopped: 1 of 3 files are denoised, in out"
    assert sorted(os.listdir("out")) == [".zaohua.json", "a.png"] and pixels_of("out/a.png").shape == (10, 12, 4)
    outputs.check(Path("out"), overwrite=True, folder=True)  # it may be replaced: all of it is ours
    calls.append(1)
    calls.pop(0)
    said = zaohua("denoise", flow, "photo.png", "--noise", "20", "--out", "one.png")
    assert said.code == 0


MISTAKES = [
    (["denoise"], "the run and the file or folder come first"),
    (["denoise", "nowhere", "photo.png"], "no run at nowhere"),
    (["denoise", "RUN", "nothing.png"], "nothing.png: is no file or folder"),
    (["denoise", "RUN", "notes.txt"], "notes.txt: is no file of images, which this run is of"),
    (["denoise", "RUN", "empty"], "empty: holds no files of images"),
    (["denoise", "RUN", "cut.png"], "cut.png: can't be read: truncated"),
    (["denoise", "RUN", "photo.png", "--noise", "-3"], "--noise must be at least 0, not -3"),
    (["denoise", "RUN", "photo.png", "--out", "photo.png"], "photo.png is the file itself: give another --out"),
    (["denoise", "RUN", "photo.png", "--out", "mask.png"], "mask.png is there already: --overwrite replaces it"),
    (["denoise", "RUN", "photo.png", "--out", "a.txt"], "a.txt: images can't be written as .txt"),
    (["denoise", "RUN", "photo.png", "--y", "bird"], "bird"),
    (["denoise", "RUN", "photo.png", "--y", "cat", "dog"], "--y gives 2 conditions: give one"),
    (["denoise", "RUN", "photo.png", "--samples", "2", "--guesses", "2"], "give one of them"),
    (["denoise", "RUN", "photo.png", "--samples", "0"], "--samples must be at least 1, not 0"),
    (["denoise", "RUN", "full", "--out", "full/new"], "full/new lies in the folder of the files itself"),
    (["denoise", "RUN", "full", "--out", "new.png"], "full is a folder, so results are written to one"),
    (["upscale", "RUN", "photo.png", "--factor", "1"], "--factor must be at least 2, not 1"),
    (["upscale", "RUN", "photo.png", "--facto", "2"], "did you mean '--factor'"),
    (["deblur", "RUN", "photo.png"], "give one of --blur SIGMA, --motion LENGTH ANGLE and --kernel FILE"),
    (["declip", "RUN", "photo.png"], "declip is for sounds, and"),
    (["resynthesise", "RUN", "photo.png"], "resynthesise is for sounds, and"),
    (["extend", "RUN", "photo.png"], "--left, --right, --top and --bottom PIXELS: give at least one"),
    (["extend", "RUN", "photo.png", "--seconds", "1"], "--left, --right, --top and --bottom PIXELS"),
    (["restore", "RUN", "photo.png"], "what happened to INPUT? --degrade"),
    (["restore", "RUN", "photo.png", "--degrade", "downscal 2"], "did you mean 'downscale'"),
    (["restore", "RUN", "photo.png", "--degrade", "noise 5 | blur 2"], "independent noise"),
    (["inpaint", "RUN", "photo.png"], "where is the hole? --mask FILE"),
    (["inpaint", "RUN", "photo.png", "--mask", "no.png"], "--mask no.png: is no file or folder"),
    (["inpaint", "RUN", "photo.png", "--mask", "small.png"], "small.png: has 3 x 2 pixels, but photo.png has 12 x 10"),
    (["inpaint", "RUN", "mask.png", "--mask", "alpha"], "mask.png: has no transparency for --mask alpha"),
    (["inpaint", "RUN", "photo.png", "--mask", "mask.png", "--hole", "alpha"], "--hole white or --hole black"),
    (["inpaint", "RUN", "photo.png", "--mask", "mask.png", "--hole", "red"], "--hole must be"),
    (
        ["inpaint", "RUN", "photo.png", "--box", "1", "2", "3"],
        "--box takes four numbers, X Y WIDTH HEIGHT, not '1 2 3'",
    ),
    (["inpaint", "RUN", "photo.png", "--box", "50", "2", "3", "4"], "lies outside the picture, which is 12 x 10"),
    (["inpaint", "RUN", "photo.png", "--box", "1", "2", "0", "4"], "the box 1 2 0 4 is empty"),
    (["inpaint", "RUN", "photo.png", "--box", "1", "2", "3", "4", "--hole", "black"], "give --mask FILE with it"),
    (["inpaint", "RUN", "photo.png", "--gap", "0", "1"], "--gap is for sounds, and this run is of images"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=[" ".join(a) for a, _ in MISTAKES])
def test_a_mistake_is_one_line_and_nothing_is_written(zaohua, flow: Path, photo, arguments: list[str], message: str):
    Path("notes.txt").write_text("hello")
    os.mkdir("empty")
    os.mkdir("full")
    shutil.copy("photo.png", "full/a.png")
    Path("cut.png").write_bytes(Path("photo.png").read_bytes()[:300])
    Image.fromarray(np.zeros((2, 3), np.uint8)).save("small.png")
    before = sorted(path for path in Path().rglob("*"))
    said = zaohua(*(str(flow) if word == "RUN" else word for word in arguments))
    assert said.code == 2 and said.err.startswith("zaohua: error: ") and said.err.count("\n") == 1, said.err
    assert message in said.err and said.out == ""
    assert sorted(Path().rglob("*")) == before


def test_sounds_of_any_length_rate_and_channels_through_a_vocoder(zaohua, vocoder: Path, tmp_path: Path):
    import soundfile

    (tmp_path / "in").mkdir()
    stereo = np.stack([0.5 * tone(100, 1.5, 2 * RATE), np.zeros(3000)], axis=1)
    soundfile.write("in/a.flac", stereo, 2 * RATE, subtype="PCM_24")
    soundfile.write("in/b.wav", 0.25 * tone(50, 0.007), RATE)
    said = zaohua("resynthesise", vocoder, "in", "--json")
    facts = json.loads(said.out)
    assert (said.code, facts["files"], facts["out"]) == (0, 2, "in-resynthesised"), said.err
    found = soundfile.info("in-resynthesised/a.flac")
    assert (found.samplerate, found.channels, found.frames, found.subtype) == (2 * RATE, 2, 3000, "PCM_24")
    samples = soundfile.read("in-resynthesised/a.flac")[0]
    assert not samples[:, 1].any() and samples[:, 0].any() and soundfile.info("in-resynthesised/b.wav").frames == 7


def test_other_runs_have_no_vocoder(flow: Path):
    from zaohua.tasks.resynthesis import resynthesise

    with pytest.raises(ZaohuaError, match="this Flow has no vocoder"):
        resynthesise(zh.load(flow), [zh.Sound(tone(100), RATE)])
