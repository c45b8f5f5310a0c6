"""How options are read, and what the help says of them."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any, Literal

import pytest

from zaohua.cli import main, model_help
from zaohua.cli.codec_flags import CodecFlags
from zaohua.cli.flags import NETWORK, TRAINING, Flag, parse
from zaohua.cli.groups import group_of
from zaohua.cli.train_flags import MOST_USED
from zaohua.core import registry
from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between, fields_of

FLAGS = (
    Flag("max_steps", Annotated[int, Between(1)] | None, None, "Steps.", group=TRAINING),
    Flag("rate", Annotated[float, Between(-1, 1)], 0.5, "Learning rate.", group=TRAINING),
    Flag("size", int | tuple[int, int] | None, None, "Size."),
    Flag("kinds", dict[str, str] | None, None, "Kinds."),
    Flag("norm", Literal["batch", "group", "none"], "batch", "Normalisation.", group=NETWORK),
    Flag("stop", tuple[str, ...], (), "Stops.", repeat=True),
    Flag("n", int, 1, "How many.", short=("-n",)),
    Flag("prompt", str, "", "Text.", short=("-p", "--text")),
    Flag("flip", bool, False, "Mirror half of them."),
    Flag("labels", bool, True, "Use labels.", off="Ignore labels."),
)


def read(*arguments: str) -> dict[str, Any]:
    return parse("zaohua x", "About.", FLAGS, arguments)


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["--max-steps", "3"], "max_steps", 3),
        (["--max_steps", "3"], "max_steps", 3),
        (["--max-steps=3"], "max_steps", 3),
        (["--max-steps", "none"], "max_steps", None),
        (["--rate", "-1e-3"], "rate", -1e-3),
        (["--rate=-1e-3"], "rate", -1e-3),
        (["--rate", "1"], "rate", 1.0),
        (["--size", "4"], "size", 4),
        (["--size", "4", "6"], "size", (4, 6)),
        (["--kinds", "age", "integer", "a b", "ordered"], "kinds", {"age": "integer", "a b": "ordered"}),
        (["--norm", "none"], "norm", "none"),
        (["--stop", "a", "--stop", "- b"], "stop", ("a", "- b")),
        (["--stop=-b"], "stop", ("-b",)),
        (["--prompt", "-1"], "prompt", "-1"),
        (["-n", "3"], "n", 3),
        (["-n=3"], "n", 3),
        (["--n", "3"], "n", 3),
        (["-p", "x"], "prompt", "x"),
        (["--text", "100 %"], "prompt", "100 %"),
        (["--prompt", ""], "prompt", ""),
        (["--prompt", "none"], "prompt", "none"),
        (["--flip"], "flip", True),
        (["--flip", "--no-flip"], "flip", False),
        (["--no-labels"], "labels", False),
        (["--no-labels", "--labels"], "labels", True),
        (["--max-steps", "3", "--max-steps", "4"], "max_steps", 4),
    ],
)
def test_values(arguments: list[str], name: str, value: Any):
    found = read(*arguments)
    assert found[name] == value and type(found[name]) is type(value)
    assert {k: v for k, v in found.items() if k != name} == {f.name: f.default for f in FLAGS if f.name != name}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--max-step", "3"], "unknown option '--max-step'; did you mean '--max-steps'"),
        (["--max-s", "3"], "unknown option '--max-s'"),  # no abbreviations: another option may get that name
        (["-n"], "-n needs a value"),
        (["-n", "many"], "-n must be a whole number, not 'many'"),
        (["--max-steps"], "--max-steps needs a value"),
        (["--max-steps", "--flip"], "--max-steps needs a value"),
        (["--prompt"], "--prompt needs a value; one that begins with a dash is written --prompt=-x"),
        (["--max-steps", "1.5"], "--max-steps must be a whole number, not '1.5'"),
        (["--max-steps", "0"], "--max-steps must be at least 1, not 0"),
        (["--rate", "nan"], "--rate must be between -1 and 1, not nan"),
        (["--rate", "none"], "--rate must be a number, not 'none'"),
        (["--size", "4", "6", "8"], "--size must be a whole number or 2 whole numbers, not '4 6 8'"),
        (["--kinds", "age"], "--kinds must be names and texts, not 'age'"),
        (["--norm", "bach"], "--norm must be 'batch' or 'group' or 'none', not 'bach'; did you mean 'batch'?"),
        (["--flip=yes"], "--flip takes no value"),
        (["stray"], "'stray' is neither an option nor the value of one (see `zaohua x --help`)"),
    ],
)
def test_mistakes(arguments: list[str], message: str):
    with pytest.raises(ZaohuaError) as caught:
        read(*arguments)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int, **options: Any) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit) as stop:
        parse("zaohua x", "About 100 % of it.", FLAGS, ["--help"], **options)
    assert stop.value.code == 0
    return capsys.readouterr().out


def test_help_has_groups_and_plain_defaults(capsys, monkeypatch):
    text = shown(capsys, monkeypatch, 100, first=("norm", "flip"))
    titles = [line for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert titles == ["most used:", "training:", "run:"]  # the only option of the network stands above
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert text.startswith("usage: zaohua x [options]\n\nAbout 100 % of it.\n")
    for line in (
        "--norm batch|group|none Normalisation (default: batch).",
        "--rate X Learning rate (between -1 and 1; default: 0.5).",
        "--no-labels Ignore labels.",
        "--flip Mirror half of them.",
        "-p, --prompt, --text TEXT",
        "-n N How many (default: 1).",
        "--size N [N] Size.",
        "--kinds COLUMN VALUE ... Kinds.",
    ):
        assert any(line in each for each in lines), line
    assert all(text.count(f"--{name} ") == 1 for name in ("norm", "flip", "rate"))
    assert "--labels" not in text and "--no-flip" not in text and "{" not in text and "None" not in text


@pytest.mark.parametrize("columns", [50, 80, 200])
def test_help_is_as_wide_as_the_terminal(capsys, monkeypatch, columns: int):
    text = shown(capsys, monkeypatch, columns)
    assert max(map(len, text.splitlines())) < columns


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["train", "flow", "--help"]])
def test_help_of_commands_is_as_wide_as_the_terminal(zaohua, monkeypatch, columns: int, arguments: list[str]):
    monkeypatch.setenv("COLUMNS", str(columns))
    text = zaohua(*arguments).out
    assert max(map(len, text.splitlines())) <= max(columns, 63)  # the longest call of a command


def test_a_field_that_is_on_by_default_says_that_the_flag_turns_it_off(zaohua):
    text = " ".join(zaohua("train", "flow", "--help").out.split())
    assert "--no-vocoder Turn off: " in text and "--no-labels Ignore the labels that the data carry. --" in text


def test_the_help_of_training_begins_with_what_people_need_first(zaohua):
    text = zaohua("train", "flow", "--help").out
    places = [text.index(f"--{'no-labels' if name == 'labels' else name.replace('_', '-')}") for name in MOST_USED]
    assert places == sorted(places) and places[-1] < text.index("\ndata:")
    order = [text.index(f"\n{title}:\n") for title in ("most used", "data", "network", "training", "sampling", "run")]
    assert order == sorted(order)
    assert "--seed" in text and "\nmodel:\n" in zaohua("train", "gmm", "--help").out


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("channels", "network"),
        ("condition_dropout", "network"),
        ("learning_rate", "training"),
        ("patience", "training"),
        ("steps", "sampling"),
        ("device", "run"),
        ("random_state", "run"),
    ],
)
def test_fields_are_in_groups(name: str, group: str):
    cls = registry.model_class("flow")
    assert group_of(cls, fields_of(cls)[name]) == group


def test_a_name_means_the_same_for_every_model():
    """No option of a codec has the name of a model's field, or of one of another kind of data that means another thing.

    Options of the same kind of data are the same field in each codec.
    """
    of_models, of_data = set(), {}
    for entry in registry.entries():
        of_models |= set(fields_of(registry.model_class(entry.name)))
        for cls, flags in CodecFlags(entry.codecs, [], None).of.items():
            for flag in flags:
                of_data.setdefault(flag.name, set()).add((cls.modality, flag.type, flag.default))
    assert not of_models & set(of_data)
    for name, meanings in of_data.items():
        assert len({(kind, default) for _, kind, default in meanings}) == 1, name
    assert {"image_channels", "sound_channels", "music_steps"} <= set(of_data)


@pytest.mark.parametrize("model", ["gaussian", "vae", "flow"])
def test_channels_of_pictures_are_called_the_same_for_every_model(zaohua, model: str):
    text = zaohua("train", model, "--help").out
    assert "--image-channels auto|grey|rgb|rgba" in text
    assert ("--channels N" in text) == (model != "gaussian")  # the width of a network, where there is one


@pytest.mark.parametrize("command", ["flow", "gpt", "gaussian-copula", "gamma"])
def test_the_stored_help_is_that_of_the_classes(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = registry.find(command)
    stored = model_help.of_model(entry)
    monkeypatch.setenv("ZAOHUA_MODALITIES", "json")  # a module: there may be kinds of data with options of their own
    assert model_help.of_model(entry) is None
    with contextlib.suppress(SystemExit):
        main(["train", command, "--help"])
    assert capsys.readouterr().out == stored
