"""Texts: tokenisers give back what went in, files are read as they are, and what is wrong with one is named."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from zaohua import modalities
from zaohua.core.errors import ZaohuaError
from zaohua.modalities import TextCodec, TextFiles
from zaohua.modalities.texts import codec as texts

SAMPLES = ["Hello, world!\n", "Grüße aus Köln 🙂", "春眠不覺曉，處處聞啼鳥。", "", "नमस्ते\tدنيا"]


@pytest.mark.parametrize("tokenizer", ["chars", "bytes", "bpe"])
class TestTokenizers:
    def test_round_trip_and_json(self, tokenizer: str) -> None:
        codec = TextCodec(tokenizer=tokenizer, vocabulary=300).fit(SAMPLES)
        codes = codec.encode(SAMPLES)
        rows = codes[np.arange(len(SAMPLES))]
        assert codec.decode(rows) == SAMPLES
        again = modalities.from_json(json.loads(json.dumps(codec.to_json())))
        assert torch.equal(again.encode(SAMPLES).stream, codes.stream) and again.decode(rows) == SAMPLES

    def test_streams_what_decoding_gives(self, tokenizer: str) -> None:
        codec = TextCodec(tokenizer=tokenizer, vocabulary=300).fit(SAMPLES)
        for text in SAMPLES:
            stream = codec.streaming()
            pieces = [stream.push(token) for token in codec.tokenizer_.encode(text).tolist()]
            assert "".join([*pieces, stream.finish()]) == text
            assert not any("\ufffd" in piece for piece in pieces)

    def test_no_text_is_a_special_token(self, tokenizer: str) -> None:
        codec = TextCodec(tokenizer=tokenizer, vocabulary=300).fit(["<|end|><|user|>"])
        assert codec.tokenizer_.encode("<|end|>").max() < codec.end_

    def test_half_of_a_pair_is_named(self, tokenizer: str) -> None:
        with pytest.raises(ZaohuaError, match=r"ud83d"):
            codec = TextCodec(tokenizer=tokenizer, vocabulary=300).fit(["abc"])
            codec.encode(["ab\ud83d"])
        if tokenizer == "chars":
            with pytest.raises(ZaohuaError, match="character number 2 of a text is half of a surrogate pair"):
                TextCodec().fit(["ab\ud83d"])


ENDLESS = {
    "abc": "abc" * 30_000,
    "dna": "".join(np.random.default_rng(0).choice(list("ACGT"), 90_000)),
    "base64": base64.b64encode(np.random.default_rng(0).bytes(60_000)).decode(),
    "spaces": " " * 90_000,
    "digits": "0123456789" * 9_000,
    "chinese": "".join(map(chr, 0x4E00 + np.random.default_rng(0).zipf(1.3, 90_000) % 3000)),
}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS)
def test_pieces_of_one_endless_word(text: str) -> None:
    """Training took seconds for 20,000 characters without a space, four times as long for twice as many."""
    codec = TextCodec(tokenizer="bpe", vocabulary=1000)
    began = time.process_time()
    codec.fit([text])
    assert time.process_time() - began < 2
    tokens = codec.tokenizer_.encode(text)
    assert codec.tokenizer_.decode(tokens) == text and len(tokens) < len(text)
    assert max(len(codec.tokenizer_.decode([i])) for i in range(codec.tokenizer_.size)) <= 32


def test_rows_begin_and_end_with_end() -> None:
    codec = TextCodec().fit(["ab", "b"])
    codes = codec.encode(["ab", "b"])
    e = codec.end_
    assert codes.stream.tolist() == [e, 0, 1, e, 1, e] and codes.stream.dtype == torch.int16
    assert codes[[0, 1]].tolist() == [[e, 0, 1, e], [e, 1, e, -1]] and len(codes) == 2


def test_large_corpora_are_mapped_from_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = TextCodec(tokenizer="bytes").fit(SAMPLES)
    inside = codec.encode(SAMPLES)
    monkeypatch.setattr(texts, "MEMORY", 30)
    mapped = codec.encode(SAMPLES)
    assert torch.equal(mapped.stream, inside.stream) and torch.equal(mapped.starts, inside.starts)


def test_unknown_characters_are_named_with_their_place() -> None:
    codec = TextCodec().fit(["abc"])
    with pytest.raises(ZaohuaError, match=r"'é' \(number 3 of a text\) is none of the 3"):
        codec.encode(["abcé"])


@pytest.mark.parametrize("empty", [[""], ["", ""]])
def test_empty_texts(empty: list[str]) -> None:
    with pytest.raises(ZaohuaError, match="every text is empty"):
        TextCodec().fit(empty)


class TestFiles:
    def test_reads_as_it_is_in_pieces(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "book.txt"
        path.write_bytes(b"\xef\xbb\xbf" + "Über\r\n春眠 🙂".encode())
        for piece in (1, 2, 3, 1 << 20):
            monkeypatch.setattr("zaohua.modalities.texts.raw.CHUNK", piece)
            assert list(TextFiles([path])) == ["Über\r\n春眠 🙂"]
        items, labels = modalities.read(path)
        assert isinstance(items, TextFiles) and labels is None and len(items) == 1

    @pytest.mark.parametrize("piece", [1, 5, 1 << 20])
    def test_names_the_byte_that_is_no_utf8(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
        monkeypatch.setattr("zaohua.modalities.texts.raw.CHUNK", piece)
        path = tmp_path / "latin.txt"
        path.write_bytes("春a".encode() + b"b\xe9 c")
        with pytest.raises(ZaohuaError, match=r"latin.txt: byte 5 \(0xe9\) isn.t valid UTF-8"):
            list(TextFiles([path]))

    def test_truncated_character_at_the_end(self, tmp_path: Path) -> None:
        path = tmp_path / "cut.txt"
        path.write_bytes("ab春".encode()[:-1])
        with pytest.raises(ZaohuaError, match=r"byte 2 \(0xe6\)"):
            list(TextFiles([path]))

    def test_jsonl(self, tmp_path: Path) -> None:
        path = tmp_path / "notes.jsonl"
        path.write_text('{"text": "one"}\n\n"two"\n{"text": "three"}\n')
        assert list(TextFiles([path])) == ["one", "two", "three"] and len(TextFiles([path])) == 3
        path.write_text('{"body": "one"}\n')
        assert list(TextFiles([path], field="body")) == ["one"]
        with pytest.raises(ZaohuaError, match=r"notes.jsonl, line 1: has no text under 'text' or .* \(it has 'body'\)"):
            list(TextFiles([path]))
        path.write_text('{"text": "one"}\n{"text": \n')
        with pytest.raises(ZaohuaError, match="line 2: isn.t JSON"):
            list(TextFiles([path]))

    def test_folders_and_their_labels(self, tmp_path: Path) -> None:
        for name in ("sad/a.txt", "glad/b.txt", "glad/c.txt"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(name)
        items, labels = modalities.read(tmp_path, True)
        assert list(items) == ["glad/b.txt", "glad/c.txt", "sad/a.txt"] and labels == ["glad", "glad", "sad"]
        assert modalities.read(tmp_path)[1] is None

    def test_folders_of_splits(self, tmp_path: Path) -> None:
        for name in ("train/sad/a.txt", "train/glad/b.TXT", "test/sad/c.txt"):
            (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
            (tmp_path / name).write_text(name)
        items, labels = modalities.read(tmp_path, True)
        assert list(items) == ["train/glad/b.TXT", "train/sad/a.txt"] and labels == ["glad", "sad"]
        assert list(modalities.read(tmp_path, split="test")[0]) == ["test/sad/c.txt"]

    def test_models_of_pictures_say_what_came(self, tmp_path: Path) -> None:
        import zaohua as zh

        (tmp_path / "a.txt").write_text("hello")
        with pytest.raises(ZaohuaError, match="the data are texts, but VAE takes images"):
            zh.VAE().fit(tmp_path)
        with pytest.raises(ZaohuaError, match="the data are images, but GPT takes texts"):
            zh.GPT().fit(np.zeros((4, 8, 8), np.uint8))
