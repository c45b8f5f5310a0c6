"""Music: pieces come back as they went in, from tables, MIDI, frames and tokens; broken files are named."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat

from zaohua import modalities
from zaohua.core.errors import ZaohuaError, ZaohuaWarning
from zaohua.core.noise import BatchNoise
from zaohua.modalities import MidiFiles, MusicCodec, Piece, RollCodec
from zaohua.modalities.music.codec import PieceCodec
from zaohua.modalities.music.midi import read_midi, write_midi
from zaohua.modalities.music.roll_files import read_rolls
from zaohua.modalities.music.synth import RATE, render, tone

rng = np.random.default_rng(0)


def voices(length: int = 40, number: int = 3) -> Piece:
    """Random voices with rests, and notes held over several steps."""
    pitches = np.repeat(rng.integers(39, 60, (length // 2, number)), 2, axis=0)
    return Piece.from_voices(np.where(pitches < 42, -1, pitches))


def roll(length: int = 30) -> Piece:
    """A random piano roll whose last step sounds."""
    keys = np.pad(rng.random((length, 60)) < 0.05, ((0, 0), (14, 14)))
    keys[-1, 40] = True
    return Piece.from_roll(keys, steps=2)


VOICES, ROLLS = [voices(), voices(60), voices(12)], [roll(), roll(50)]


class TestPieces:
    def test_rolls_and_voices_come_back(self) -> None:
        keys = rng.random((30, 88)) < 0.1
        np.testing.assert_array_equal(Piece.from_roll(keys).roll(), keys)
        pitches = rng.integers(-1, 128, (30, 4))
        np.testing.assert_array_equal(Piece.from_voices(pitches).pitches(), pitches)

    def test_what_is_held_is_one_note(self) -> None:
        piece = Piece.from_voices([[60, 50], [60, 52], [-1, 52], [60, 52]])
        assert piece.notes.tolist() == [[0, 2, 60, 0], [0, 1, 50, 1], [1, 3, 52, 1], [3, 1, 60, 0]]
        assert len(piece) == 4 and piece.voices == 2

    def test_another_grid(self) -> None:
        for piece in VOICES:
            assert piece.on_grid(12).on_grid(piece.steps) == piece
        assert Piece([[1, 1, 60, 0]], steps=4).on_grid(1).notes.tolist() == [[0, 1, 60, 0]]

    def test_merged_notes_of_a_pitch_do_not_overlap(self) -> None:
        piece = Piece([[0, 8, 60, 0], [4, 2, 60, 1], [4, 3, 60, 2], [0, 2, 62, 1]], voices=3).merged()
        assert piece.notes.tolist() == [[0, 4, 60, 0], [0, 2, 62, 0], [4, 3, 60, 0]] and piece.voices == 0

    @pytest.mark.parametrize("wrong", [np.zeros((3, 87)), np.zeros(4)])
    def test_no_rolls(self, wrong: np.ndarray) -> None:
        with pytest.raises(ZaohuaError, match=r"a piano roll must be of shape \(time, 88\)"):
            Piece.from_roll(wrong)


class TestTables:
    def test_json_of_pitches_and_mat_of_rolls_are_the_same(self, tmp_path: Path) -> None:
        keys = [[r.roll() for r in ROLLS], [ROLLS[0].roll()], [ROLLS[1].roll()]]
        lists = {
            split: [[(np.flatnonzero(frame) + 21).tolist() for frame in piece] for piece in pieces]
            for split, pieces in zip(("train", "valid", "test"), keys, strict=True)
        }
        (tmp_path / "things-8th.json").write_text(json.dumps(lists))
        cells = {}
        for name, pieces in zip(("traindata", "validdata", "testdata"), keys, strict=True):
            cells[name] = np.empty((1, len(pieces)), object)
            cells[name][0, :] = [piece.astype(np.uint8) for piece in pieces]
        savemat(tmp_path / "things-8th.mat", cells)
        for path in (tmp_path / "things-8th.json", tmp_path / "things-8th.mat"):
            assert modalities.read(path)[0] == ROLLS
            assert modalities.read(path, split="test")[0] == [ROLLS[1]]
            with pytest.raises(ZaohuaError, match="has no split 'dev'; it has train, valid, test"):
                modalities.read(path, split="dev")

    def test_json_of_voices(self, tmp_path: Path) -> None:
        path = tmp_path / "16th.json"
        path.write_text(json.dumps({"train": [piece.pitches().tolist() for piece in VOICES]}))
        assert read_rolls(path) == VOICES

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "can't be read as JSON"),
            ("[1]", "item 1: is 1, not a text or a dialogue"),
            ('{"trial": [[[60]]]}', "trial"),
            ('{"train": [[["a"]]]}', "holds no piano rolls"),
        ],
    )
    def test_other_json(self, tmp_path: Path, text: str, message: str) -> None:
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(ZaohuaError, match=message):
            list(modalities.read(tmp_path / "a.json")[0])


@pytest.mark.parametrize(
    ("cls", "pieces"), [(RollCodec, VOICES), (RollCodec, ROLLS), (MusicCodec, VOICES), (MusicCodec, ROLLS)]
)
class TestCodecs:
    def test_round_trip_and_json(self, cls: type[PieceCodec], pieces: list[Piece]) -> None:
        codec = cls().fit(pieces)
        rows = codec.encode(pieces)[np.arange(len(pieces))]
        assert codec.decode(rows) == pieces
        again = modalities.from_json(json.loads(json.dumps(codec.to_json())))
        assert torch.equal(again.encode(pieces)[[0, 1]], codec.encode(pieces)[[0, 1]]) and again.decode(rows) == pieces

    def test_takes_pieces_only(self, cls: type[PieceCodec], pieces: list[Piece]) -> None:
        with pytest.raises(ZaohuaError, match="number 1 is a str"):
            cls().fit([pieces[0], "a"])


def test_voices_are_those_of_training() -> None:
    for cls in (RollCodec, MusicCodec):
        with pytest.raises(
            ZaohuaError, match="piece 0 has no separate voices, but the model was fitted on pieces of 3"
        ):
            cls().fit(VOICES).encode(ROLLS)


def test_pieces_of_different_voices_are_rolls() -> None:
    codec = RollCodec().fit([voices(number=2), voices(number=3)])
    assert codec.voices_ == 0 and len(codec.spec_.features) == 88
    with pytest.raises(ZaohuaError, match="form='voices' needs pieces"):
        RollCodec(form="voices").fit(ROLLS)


def test_a_note_that_no_piano_has_is_named() -> None:
    with pytest.raises(ZaohuaError, match="piece 1: a note of MIDI pitch 20 is outside the range of a piano's 88 keys"):
        RollCodec().fit([VOICES[0], Piece.from_voices([[20, 50, 60]])])


@pytest.mark.parametrize("pieces", [VOICES, ROLLS])
def test_transposing_moves_every_note_alike(pieces: list[Piece]) -> None:
    codec = RollCodec(transpose=3).fit(pieces)
    codes = codec.encode(pieces)[[0] * 20]
    assert torch.equal(codec.prepare(codes, BatchNoise(0, 20)), codes.long())
    shifts = set()
    for piece in codec.decode(codec.prepare(codes, BatchNoise(0, 20), train=True)):
        moved = np.sort(piece.notes[:, 2]) - np.sort(pieces[0].notes[:, 2])
        assert (moved == moved[0]).all() and np.array_equal(piece.notes[:, 0], pieces[0].notes[:, 0])
        shifts.add(int(moved[0]))
    assert shifts == set(range(-3, 4))


class TestGrammar:
    @pytest.mark.parametrize("pieces", [VOICES, ROLLS])
    def test_allows_every_piece(self, pieces: list[Piece]) -> None:
        codec = MusicCodec().fit(pieces)
        rows = codec.encode(pieces)[np.arange(len(pieces))]
        for t in range(1, rows.shape[1]):
            taken = codec.allowed(rows[:, :t]).gather(1, rows[:, t : t + 1].clamp(min=0))[:, 0]
            assert taken[rows[:, t] >= 0].all(), t

    @pytest.mark.parametrize("pieces", [VOICES, ROLLS])
    def test_whatever_it_allows_is_music(self, pieces: list[Piece]) -> None:
        """Random walks through the grammar: never stuck, notes of a voice never overlap, and reading is writing."""
        codec = MusicCodec().fit(pieces)
        rows = torch.full((8, 1), codec.end_)
        torch.manual_seed(0)
        for _ in range(80):
            allowed = codec.allowed(rows)
            allowed[:, codec.end_] = False
            rows = torch.cat([rows, torch.multinomial(allowed.double(), 1)], dim=1)
        while not codec.allowed(rows)[:, codec.end_].all():  # let all that sounds die away
            hold = codec.allowed(rows)[:, 0].logical_not()
            rows = torch.cat([rows, torch.where(hold, 16, 15)[:, None]], dim=1)
        for piece in codec.decode(rows):
            assert len(piece.notes) > 3
            sung = piece if codec.voices_ else Piece(np.c_[piece.notes[:, :3], piece.notes[:, 2]])
            ordered = sung.notes[np.lexsort((sung.notes[:, 0], sung.notes[:, 3]))]
            same = ordered[1:, 3] == ordered[:-1, 3]
            assert (ordered[1:, 0] >= ordered[:-1, :2].sum(1))[same].all()
            assert codec.seen_[piece.notes[:, 3], piece.notes[:, 2]].all()
            assert codec.decode(codec.encode([piece])[[0]]) == [piece]

    def test_a_piece_has_a_note(self) -> None:
        codec = MusicCodec().fit(VOICES)
        assert not codec.allowed(torch.tensor([[codec.end_]]))[0, codec.end_]


class TestMidi:
    @pytest.mark.parametrize("piece", [*VOICES, *ROLLS])
    def test_round_trip(self, tmp_path: Path, piece: Piece) -> None:
        pytest.importorskip("symusic")
        again = read_midi(write_midi(piece, tmp_path / "a.mid", 90), piece.steps)
        assert again.voices == piece.voices and again.notes.tolist() == piece.notes.tolist()

    def test_broken_files_are_left_out_and_named(self, tmp_path: Path) -> None:
        pytest.importorskip("symusic")
        for i in range(20):
            (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
            write_midi(VOICES[i % 3], tmp_path / "ab"[i % 2] / f"{i:02d}.mid", 90)
        (tmp_path / "a" / "04.mid").write_bytes(b"")
        files, labels = modalities.read(tmp_path, True)
        assert isinstance(files, MidiFiles) and len(files) == len(labels) == 20
        with pytest.warns(ZaohuaWarning, match=r"1 of 20 MIDI files \(.*a/04.mid \(empty\)\) left out"):
            codec = RollCodec().fit(files)
        assert len(codec.encode(files)) == len(files) == 19 and files.labels == ["a"] * 9 + ["b"] * 10
        for i in range(6, 12):
            (tmp_path / "ab"[i % 2] / f"{i:02d}.mid").write_bytes(b"MThd nonsense that is no music")
        with pytest.raises(ZaohuaError, match=r"7 of 20 MIDI files .*damaged: .*: more than a tenth is broken"):
            RollCodec().fit(modalities.read(tmp_path)[0])

    def test_an_empty_file_is_one_line(self, tmp_path: Path) -> None:
        pytest.importorskip("symusic")
        (tmp_path / "a.mid").write_bytes(b"")
        with pytest.raises(ZaohuaError, match=r"a.mid: can't be read: empty"):
            RollCodec().fit(modalities.read(tmp_path / "a.mid")[0])

    def test_without_symusic_says_what_to_install(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "symusic", None)
        with pytest.raises(ZaohuaError, match=r"pip install 'zaohua\[music\]'"):
            write_midi(VOICES[0], tmp_path / "a.mid", 90)


class TestSound:
    def test_a_tone_has_its_pitch(self) -> None:
        sound = tone(69, 1.0)
        strongest = np.abs(np.fft.rfft(sound)).argmax() * RATE / len(sound)
        assert strongest == pytest.approx(440, abs=1)

    def test_a_wav_lasts_as_long_as_the_piece(self, tmp_path: Path) -> None:
        codec = RollCodec(tempo=120).fit(VOICES)
        path = codec.write_sheet(VOICES[:2], tmp_path / "a.wav")
        with wave.open(str(path)) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
            sound = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        quarters = (len(VOICES[0]) + len(VOICES[1])) / 4 + 4  # and a whole note's rest between
        assert len(sound) / RATE == pytest.approx(quarters / 2, abs=0.2)
        assert 0.85 * 32767 < np.abs(sound).max() < 32767
        assert not render(Piece(np.zeros((0, 4)), length=8), 60).any()

    def test_other_endings_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ZaohuaError, match=r"written to a folder, or to a \.wav or \.mid file, not to \.mp3"):
            RollCodec().fit(VOICES).write_sheet(VOICES, tmp_path / "a.mp3")
