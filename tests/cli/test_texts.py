"""What the command line does with texts: fine-tuning, chats, gaps, stops, scores, copies; and what people do wrong."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

import zaohua as zh
from zaohua import cli
from zaohua.modalities.files.piped import received

TEXT = "the cat sat on the mat. a rat ran at the cat! " * 30
PAIRS = [("the cat", "a mat"), ("a rat", "the cat")]
TINY = [
    "--width",
    "16",
    "--layers",
    "1",
    "--heads",
    "2",
    "--context",
    "32",
    "--max-steps",
    "20",
    "--seed",
    "0",
    "--batch-size",
    "8",
    "--max-tokens",
    "20",
]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of texts that learnt to fill in, and one of dialogues that began from it."""
    home = tmp_path_factory.mktemp("texts")
    (home / "book.txt").write_text(TEXT)
    lines = [json.dumps({"prompt": a, "answer": b}) for a, b in PAIRS]
    (home / "pairs.jsonl").write_text("\n".join(lines) + "\n")
    book, pairs = str(home / "book.txt"), str(home / "pairs.jsonl")
    assert cli.main(["train", "gpt", book, "--out", str(home / "book"), *TINY, "--fim", "0.5"]) == 0
    assert (
        cli.main(
            [
                "train",
                "gpt",
                pairs,
                "--base",
                str(home / "book"),
                "--out",
                str(home / "chat"),
                "--validation-fraction",
                "0",
                "--patience",
                "none",
                "--max-steps",
                "60",
                "--learning-rate",
                "0.02",
            ]
        )
        == 0
    )
    return home


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_fine_tuning_keeps_the_settings_of_the_base(zaohua, home: Path):
    model, base = zh.load(home / "chat"), zh.load(home / "book")
    assert (model.width, model.context, model.fim, model.n_steps_) == (16, 32, 0.5, 60)
    assert model.codec_.to_json() == base.codec_.to_json() and model.base_["run"] == str(home / "book")
    assert zaohua("train", "gpt", "--resume", "--out", home / "chat", "--max-steps", "61").code == 0
    assert zh.load(home / "chat").n_steps_ == 61


def test_what_cuts_the_data_can_not_change(zaohua, home: Path):
    """The data were said to be others."""
    said = zaohua("train", "gpt", "--resume", "--out", home / "book", "--context", "16", "--max-steps", "30")
    assert "can't resume" in said.err and "with --context 16 (its own: 32)" in said.err


def test_a_run_that_is_not_there_suggests_those_of_like_names(zaohua, home: Path):
    assert f"did you mean {home / 'book'}?" in zaohua("info", home / "boook").err
    assert "did you mean" not in zaohua("info", home / "xyz").err  # though all runs lie in one folder


def test_lora_by_a_flag(zaohua, home: Path):
    said = zaohua("train", "gpt", home / "pairs.jsonl", "--base", home / "book", "--lora", "2", "--max-steps", "2")
    assert "next:    zaohua chat runs/gpt-pairs\n" in said.err and zh.load("runs/gpt-pairs").lora == 2


def test_gaps_are_filled(zaohua, home: Path):
    said = zaohua("fill", home / "book", "the ___ sat", "--samples", "2", "--length", "3", "--seed", "0")
    first, line, second = said.out.splitlines()
    assert said.code == 0 and set(line) == {"-"} and len(first) == len(second) == len("the cat sat")
    assert first.startswith("the ") and first.endswith(" sat") and "having read what follows" in said.err
    Path("holes.txt").write_text("a rat [gap] at the cat")
    found = zaohua(
        "fill", home / "book", "holes.txt", "--gap", "[gap]", "--longest", "6", "--out", "full.txt", "--json"
    )
    assert json.loads(found.out)["texts"][0][0] == Path("full.txt").read_text()[:-1]
    assert "no gap in 'the cat': mark it with ___" in zaohua("fill", home / "book", "the cat").err
    assert "holes.jsonl: there is no such file" in zaohua("fill", home / "book", "holes.jsonl").err


class TestChat:
    def test_answers_each_line_and_remembers(self, zaohua, home: Path, monkeypatch: pytest.MonkeyPatch):
        typed(monkeypatch, "the cat\n\na rat\n/new\na rat\n/exit\nthe cat\n")
        said = zaohua("chat", home / "chat", "--seed", "3")
        model = zh.load(home / "chat")
        first = model.answer("the cat", random_state=3)
        asked = [
            {"role": "user", "content": "the cat"},
            {"role": "assistant", "content": first},
            {"role": "user", "content": "a rat"},
        ]
        assert said.code == 0 and said.err.count("\n") == said.err.count("warning: left out the oldest messages") == 1
        assert said.out.split("\n") == [
            first,
            model.chat(asked, random_state=3),
            model.answer("a rat", random_state=3),
            "",
        ]

    def test_goes_on_after_a_letter_that_it_does_not_know(self, zaohua, home: Path, monkeypatch: pytest.MonkeyPatch):
        typed(monkeypatch, "the Ω\nthe cat")
        said = zaohua("chat", home / "chat", "--temperature", "0")
        assert said.code == 0 and "'Ω'" in said.err and said.err.count("\n") == 1
        assert said.out == zh.load(home / "chat").answer("the cat", temperature=0.0) + "\n"

    def test_ctrl_c_ends_an_answer_and_then_the_chat(self, zaohua, home: Path, monkeypatch: pytest.MonkeyPatch):
        def stopped(*_: object, **__: object):
            yield "a m"
            raise KeyboardInterrupt

        lines = iter(["the cat", "a rat"])

        def type_line(prompt: str = "") -> str:
            try:
                return next(lines)
            except StopIteration:
                raise KeyboardInterrupt from None

        monkeypatch.setattr("builtins.input", type_line)
        monkeypatch.setattr(zh.GPT, "_written", stopped)
        said = zaohua("chat", home / "chat")
        assert (said.code, said.out) == (0, "a m\na m\n") and "error" not in said.err

    def test_needs_dialogues(self, zaohua, home: Path, gmm: Path):
        assert "learnt texts, not dialogues" in zaohua("chat", home / "book").err
        assert "chat is for models of texts" in zaohua("chat", gmm).err


def test_gaps_and_stops(zaohua, home: Path):
    run, model = home / "book", zh.load(home / "book")
    said = zaohua("sample", run, "--prompt", "the c", "--suffix", "mat", "--seed", "1")
    assert said.out == model.sample(prompt="the c", suffix="mat", random_state=1)[0] + "\n"
    whole = model.sample(prompt="the ", random_state=2)[0]
    stop = whole[8:10]
    for more in ([], ["--stream"]):
        said = zaohua("sample", run, "--prompt", "the ", "--seed", "2", "--stop", "zz", "--stop", stop, *more)
        assert said.out == whole[: whole.index(stop, 4)] + "\n"


class TestScore:
    def test_texts(self, zaohua, home: Path, tmp_path: Path):
        (tmp_path / "new.txt").write_text("a rat sat.")
        found = json.loads(zaohua("score", home / "book", "new.txt", "--json").out)
        model = zh.load(home / "book")
        assert found["nats_per_token"] == pytest.approx(-model.score(["a rat sat."]) / 11)
        assert (
            found["bits_per_byte"] == found["bits_per_character"] == pytest.approx(model.bits_per_byte(["a rat sat."]))
        )
        assert (found["context"], found["stride"], found["tokens"], found["bytes"]) == (32, 16, 11, 10)
        assert "context             32\nstride              16\n" in zaohua("score", home / "book", "new.txt").out
        said = json.loads(zaohua("score", home / "book", "new.txt", "--surprisal").out)
        assert [token["text"] for token in said["tokens"]] == [*"a rat sat.", "<|end|>"]
        assert [(t["text"], t["nats"]) for t in said["tokens"]][:-1] == model.surprisals("a rat sat.")[:-1]

    def test_of_dialogues_the_answers(self, zaohua, home: Path):
        found = json.loads(zaohua("score", home / "chat", home / "pairs.jsonl", "--json").out)
        assert (found["texts"], found["tokens"], found["bytes"]) == (2, 14, 12)
        said = zaohua("score", home / "chat", home / "pairs.jsonl", "--surprisal").out.splitlines()
        tokens = json.loads(said[0])["tokens"]
        assert [t["text"] for t in tokens] == ["<|user|>", *"the cat", "<|assistant|>", *"a mat", "<|end|>"]
        assert [t["nats"] is None for t in tokens] == [True] * 9 + [False] * 6

    def test_anything_that_scores(self, zaohua, gmm: Path):
        found = json.loads(zaohua("score", gmm, "digits", "--json").out)
        images, labels = zh.read("digits", True, split="test")
        assert found["nats_per_item"] == pytest.approx(zh.load(gmm).score(images, labels)) and found["items"] == 297
        assert "--stride are for models of texts" in zaohua("score", gmm, "digits", "--stride", "3").err


class TestSources:
    def test_a_folder_is_read_as_what_the_model_takes(self, zaohua, tmp_path: Path):
        (tmp_path / "docs").mkdir()
        for name in ("a.md", "b.md", "c.py"):
            (tmp_path / "docs" / name).write_text(TEXT)
        (tmp_path / "docs" / "d.png").write_bytes(b"x")
        said = zaohua("train", "gpt", "docs", *TINY, "--max-steps", "1")
        assert "read: 3 texts in" in said.err and "read as texts: 2 .md, 1 .py; left out 1 .png file" in said.err
        for name in ("b.md", "c.py", "d.png"):
            (tmp_path / "docs" / name).unlink()
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "a.xyz").write_text("")
        assert "it must hold texts (.txt, .md, .py, .c ...)" in zaohua("train", "gpt", "other", *TINY).err
        (tmp_path / "docs" / "a.md").rename(tmp_path / "docs" / "a.png")
        assert "the data are images, but GPT takes texts" in zaohua("train", "gpt", "docs", *TINY).err

    def test_dialogues_in_json(self, zaohua, tmp_path: Path):
        (tmp_path / "ok.json").write_text(json.dumps([{"prompt": a, "answer": b, "id": 1} for a, b in PAIRS * 9]))
        said = zaohua("train", "gpt", "ok.json", *TINY, "--max-steps", "1")
        assert "read: 18 dialogues in" in said.err and "; fields not read: id (18)" in said.err
        assert "the data are texts, but MusicGPT takes music" in zaohua("train", "music-gpt", "ok.json").err

    def test_standard_input(self, zaohua, home: Path, monkeypatch: pytest.MonkeyPatch):
        received.cache_clear()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a rat sat.")))
        assert "texts               1\n" in zaohua("score", home / "book", "-").out
        received.cache_clear()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
        assert "what is piped into it is empty" in zaohua("score", home / "book", "-").err
        received.cache_clear()


def test_copies(zaohua, home: Path):
    found = json.loads(zaohua("copies", home / "book", "-n", "3", "--length", "4", "--seed", "0", "--json").out)
    texts = zh.load(home / "book").sample(3, random_state=0)
    assert found["samples"]["characters"] == sum(map(len, texts)) and found["samples"]["example"] in TEXT
    assert found["real"]["fraction"] > 0.5 and "14% of it, held out" == found["reference"]  # the book repeats itself
    said = zaohua("copies", home / "book", "-n", "3", "--seed", "0").out
    assert "3 samples" in said and "held out" in said and "longest in the samples" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "gpt", "empty.txt", *TINY], "every text is empty"),
        (
            ["train", "gpt", "short.txt", *TINY],
            "8 tokens of texts are too few for a context of 32: give more, or at most --context 3",
        ),
        (
            ["train", "gpt", "half.jsonl", *TINY],
            "half.jsonl, line 2: character number 2 of a text is half of a surrogate",
        ),
        (
            ["train", "gpt", "half.jsonl", *TINY, "--tokenizer", "bpe"],
            "half.jsonl, line 2: character number 2 of a text",
        ),
        (["train", "gpt", "latin.txt", *TINY], "latin.txt: byte 2 (0xe9) isn't valid UTF-8"),
        (["train", "gpt", "odd.jsonl", *TINY], "odd.jsonl, line 1: has no text"),
        (["train", "gpt", "nobody.jsonl", *TINY], "nobody.jsonl, line 1: no message is the assistant's"),
        (["train", "gpt", "numbers.jsonl", *TINY], "numbers.jsonl, line 1: isn't a dialogue"),
        (["train", "gpt", "news.jsonl", "--base", "BOOK"], "news.jsonl, line 2: the character 'Ω' (number 4"),
        (["train", "gpt", "short.txt", "--base", "BOOK", "--tokenizer", "bytes"], "tokenizer can't differ from"),
        (["train", "gpt", "PAIRS", "--base", "BOOK", "--width", "32"], "leave the fields that determine them"),
        (["train", "char-rnn", "short.txt", "--base", "BOOK"], "is a run of GPT, not of CharRNN"),
        (["train", "gpt", "short.txt", "--base", "BOOK", "--resume"], "give one of them"),
        (["train", "gpt", "short.txt", "--base", "nowhere"], "no run at nowhere"),
        (["sample", "BOOK", "--prompt", "the Ω"], "the character 'Ω' (number 4 of a text) is none of the"),
        (["sample", "BOOK", "--prompt", "the \ud83d"], "the character '\\ud83d' (number 4 of a text)"),
        (["sample", "BOOK", "--stop", ""], "a stop sequence needs at least one character"),
        (["sample", "CHAT", "--top-p", "2"], "--top-p must be between 0 and 1"),
        (["score", "BOOK"], "the run and the data come first"),
        (["score", "BOOK", "empty.txt"], "every text is empty (empty.txt)"),
        (["score", "BOOK", "short.txt", "--stride", "40"], "the stride must be from 1 to the context (32), not 40"),
        (["copies", "BOOK", "--data", "nowhere.txt"], "'nowhere.txt' is neither a file or folder"),
        (["copies", "BOOK", "-n", "0"], "must be at least 1"),
        (["chat"], "the run comes first"),
        (["chat", "nowhere"], "no run at nowhere"),
    ],
    ids=lambda value: " ".join(value[:3]).encode("ascii", "replace").decode() if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line(zaohua, home: Path, tmp_path: Path, arguments: list[str], message: str):
    files = {
        "empty.txt": "",
        "short.txt": "a cat.",
        "half.jsonl": '"abc"\n"ab\\ud83d"\n',
        "odd.jsonl": '{"body": "x"}',
        "nobody.jsonl": '{"messages": [{"role": "user", "content": "x"}]}',
        "numbers.jsonl": '{"prompt": 1, "answer": "x"}',
        "news.jsonl": '{"prompt": "a", "answer": "t"}\n{"prompt": "the Ω", "answer": "a"}\n',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "latin.txt").write_bytes(b"ab\xe9")
    named = {"BOOK": str(home / "book"), "CHAT": str(home / "chat"), "PAIRS": str(home / "pairs.jsonl")}
    said = zaohua(*[named.get(argument, argument) for argument in arguments])
    assert said.code == 2 and said.out == ""
    *before, line = said.err.splitlines()
    assert line.startswith("zaohua: error: ") and message in line and all(each.startswith("read: ") for each in before)
