"""MIDI files: damage is left out and named, and what a piece doesn't keep of a file is told in notes."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from zaohua import modalities
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import gathered
from zaohua.modalities import MidiFiles, MusicCodec, Piece, RollCodec
from zaohua.modalities.music.midi import read_melody, read_midi

pytest.importorskip("symusic")


def number(n: int) -> bytes:
    """A number as MIDI files have it, seven bits a byte."""
    out = [n & 0x7F]
    while n := n >> 7:
        out.append(0x80 | n & 0x7F)
    return bytes(reversed(out))


def track(*events: tuple[int, bytes], name: str = "") -> bytes:
    title = [(0, b"\xff\x03" + number(len(name)) + name.encode())] if name else []
    data = b"".join(number(wait) + event for wait, event in [*title, *events]) + b"\0\xff\x2f\0"
    return b"MTrk" + struct.pack(">I", len(data)) + data


def midi(*tracks: bytes, kind: int = 1, ticks: int = 480, said: int | None = None) -> bytes:
    count = len(tracks) if said is None else said
    return b"MThd" + struct.pack(">IHHH", 6, kind, count, ticks & 0xFFFF) + b"".join(tracks)


def on(pitch: int, channel: int = 0, velocity: int = 80) -> bytes:
    return bytes([0x90 | channel, pitch, velocity])


def off(pitch: int, channel: int = 0) -> bytes:
    return bytes([0x80 | channel, pitch, 0])


def pedal(down: bool, channel: int = 0) -> bytes:
    return bytes([0xB0 | channel, 64, 127 * down])


def tune(*pitches: int, wait: int = 0, channel: int = 0, name: str = "") -> bytes:
    """Quarter notes, one after another."""
    events = [event for pitch in pitches for event in ((0, on(pitch, channel)), (480, off(pitch, channel)))]
    events[0] = (wait, events[0][1])
    return track(*events, name=name)


def chords(*pitches: int, name: str = "") -> bytes:
    """One chord of a quarter."""
    return track(
        *((0, on(pitch)) for pitch in pitches), *((480 * (i == 0), off(p)) for i, p in enumerate(pitches)), name=name
    )


def saved(folder: Path, data: bytes, name: str = "a.mid") -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def read(path: Path, **options: object) -> tuple[list[list[int]], list[str]]:
    """The notes of a file, and what was said of it."""
    with gathered() as notes:
        piece = read_midi(path, **options)  # type: ignore[arg-type]
    return piece.notes.tolist(), notes


TEMPO = b"\xff\x51\x03"
GOOD = midi(tune(60, 62, 64))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<html>not music</html>", "doesn't begin as a MIDI file"),
        (midi(tune(60), ticks=0), "0 ticks a quarter note"),
        (midi(tune(60), ticks=-480), r"seconds \(SMPTE\)"),
        (midi(tune(60), ticks=0xE728), r"seconds \(SMPTE\)"),
        (midi(tune(60), tune(72), kind=2), "type 2: its 2 tracks are pieces of their own"),
        (GOOD[:-8], "truncated: it ends in track 1 of 1"),
        (midi(tune(60), said=3), "truncated: it has 1 of its 3 tracks"),
        (GOOD.replace(on(60), b"\x90\xff\x50"), "damaged"),
        (midi(track()), "no notes"),
        (midi(tune(36, channel=9)), "no notes but those of drums"),
        (midi(track((0, on(60)), ((1 << 28) - 1, off(60))), ticks=1), "lasts 268,435,455 quarter notes"),
    ],
)  # fmt: skip
def test_damage_is_left_out_and_named(tmp_path: Path, data: bytes, reason: str) -> None:
    """One file of twelve, as an item of training; alone, by `zh.read`, and as a melody."""
    for i in range(11):
        saved(tmp_path, GOOD, f"good{i:02d}.mid")
    bad = saved(tmp_path, data, "bad.mid")
    files = modalities.read(tmp_path)[0]
    with pytest.warns(UserWarning, match=rf"1 of 12 MIDI files \(.*bad.mid \(.*{reason}"):
        assert len(MusicCodec().fit(files).encode(files)) == 11
    for fails in (lambda: read_midi(bad), lambda: read_melody(bad, 4), lambda: list(modalities.read(bad)[0])):
        with pytest.raises(ZaohuaError, match=f"bad.mid: can't be read.*{reason}"):
            fails()


def test_what_follows_the_last_track_is_no_damage(tmp_path: Path) -> None:
    """Some programs append blocks or bytes of their own, which players skip."""
    for tail in (b"x" * 40, b"XTRA\0\0\xff\xff.."):
        assert read_midi(saved(tmp_path, GOOD + tail)) == read_midi(saved(tmp_path, GOOD))


def test_whatever_is_wrong_is_said_in_one_line(tmp_path: Path) -> None:
    """Random bytes in a good file: a piece of bounded length, or a `ZaohuaError`."""
    rng = np.random.default_rng(0)
    good = np.frombuffer(
        midi(tune(60, 62), chords(48, 52, 55), track((0, pedal(True)), (9, on(40)), (9, off(40)))), "u1"
    )
    read_in = 0
    for _ in range(300):
        data = good.copy()
        places = rng.integers(8, len(data), rng.integers(1, 5))
        data[places] = rng.integers(0, 256, len(places))
        try:
            with gathered():
                piece = read_midi(saved(tmp_path, data.tobytes()))
            assert 0 < piece.length <= 80_000 and (piece.notes[:, :2] >= 0).all()
            read_in += 1
        except ZaohuaError as error:
            assert "\n" not in str(error)
    assert 30 < read_in < 300


class TestPedal:
    def test_notes_sound_until_it_is_released(self, tmp_path: Path) -> None:
        events = [(0, pedal(True)), (0, on(60)), (120, off(60)), (360, on(64)), (120, off(64)), (1320, pedal(False))]
        notes, said = read(saved(tmp_path, midi(track(*events, (0, on(67)), (120, off(67))))))
        assert notes == [[0, 16, 60, 0], [4, 12, 64, 0], [16, 1, 67, 0]]
        assert said == ["held notes while the sustain pedal is down in 1 of 1 MIDI files"]

    def test_a_note_ends_where_its_pitch_is_struck_again(self, tmp_path: Path) -> None:
        events = [(0, pedal(True)), (0, on(60)), (120, off(60)), (360, on(60)), (120, off(60)), (1320, pedal(False))]
        assert read(saved(tmp_path, midi(track(*events))))[0] == [[0, 4, 60, 0], [4, 12, 60, 0]]

    def test_one_never_released_and_one_of_another_hand(self, tmp_path: Path) -> None:
        left = track((0, pedal(True)), (0, on(40)), (120, off(40)), (1800, on(43)), (480, off(43)))
        assert read(saved(tmp_path, midi(left, tune(60))))[0] == [[0, 20, 40, 0], [0, 20, 60, 0], [16, 4, 43, 0]]
        flute = track((0, b"\xc1\x49"), (0, on(60, 1)), (480, off(60, 1)))
        assert read(saved(tmp_path, midi(left, flute)))[0] == [[0, 20, 40, 0], [0, 4, 60, 0], [16, 4, 43, 0]]


class TestNotes:
    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (GOOD, []),
            (midi(tune(60), tune(36, channel=9)), ["left out the drums of 1 of 1 MIDI files"]),
            (midi(tune(60), chords(48, 52)),
             ["merged the tracks of 1 of 1 MIDI files, as one has chords or there are more than 8"]),
            (midi(track((50, on(60)), (480, off(60)), (430, on(62)), (480, off(62)))),
             ["moved 50.0 % of onsets to the grid of 4 steps a quarter note"]),
            (midi(chords(60, 64), track((10, on(60)), (480, off(60)))),
             ["merged the tracks of 1 of 1 MIDI files, as one has chords or there are more than 8",
              "left out 1 of 3 notes, at whose step another of that pitch starts"]),
            (midi(track((0, b"\xc0\x05"), (0, on(60)), (480, off(60)), (0, on(62, 0, 40)), (480, off(62)))),
             ["not learnt, with the number of files: loudness (1)"]),
            (midi(track((0, b"\xe0\0\x50"), (0, on(60)), (480, off(60)))),
             ["not learnt, with the number of files: pitch bends (1)"]),
            (midi(track((0, TEMPO + b"\x07\xa1\x20"), (0, on(60)), (480, off(60)), (0, TEMPO + b"\x03\xa1\x20"))),
             ["not learnt, with the number of files: changes of tempo (1)"]),
        ],
    )  # fmt: skip
    def test_what_is_not_kept(self, tmp_path: Path, data: bytes, said: list[str]) -> None:
        assert read(saved(tmp_path, data))[1] == said

    def test_of_all_files_together(self, tmp_path: Path) -> None:
        for i in range(4):
            saved(tmp_path, midi(tune(60), chords(48, 52)) if i else GOOD, f"{i}.mid")
        with gathered() as notes:
            codec = MusicCodec().fit(modalities.read(tmp_path)[0])
        assert notes == [
            "merged the tracks of 3 of 4 MIDI files, as one has chords or there are more than 8",
            "merged the voices of all pieces, whose number differs: 3 without, 1 of 1",
        ]
        assert codec.voices_ == 0

    def test_of_pieces_in_memory(self) -> None:
        pieces = [Piece([[0, 1, 60, 0], [1, 1, 60, 0]], steps=4), Piece([[0, 1, 60, 0]], steps=4)]
        with gathered() as notes:
            MusicCodec(steps=2).fit(pieces)
        assert notes == ["moved 33.3 % of onsets to the grid of 2 steps a quarter note"]


class TestRests:
    def test_a_tune_behind_a_thousand_bars(self, tmp_path: Path) -> None:
        notes, said = read(saved(tmp_path, midi(tune(60, 62, wait=480 * (4 * 1000 + 1)))))
        assert notes == [[4 * (4001 % 12), 4, 60, 0], [4 * (4001 % 12) + 4, 4, 62, 0]]
        assert said == ["shortened rests of more than 64 quarter notes in 1 of 1 MIDI files"]

    def test_between_notes_and_of_all_tracks_only(self, tmp_path: Path) -> None:
        late = track((0, on(60)), (480, off(60)), (480 * 100, on(62)), (480, off(62)))
        assert read(saved(tmp_path, midi(late)))[0] == [[0, 4, 60, 0], [4 + 4 * (100 % 12 + 12), 4, 62, 0]]
        filled = track((480 * 50, on(40)), (480, off(40)))
        assert [404, 4, 62, 0] in read(saved(tmp_path, midi(late, filled)))[0]
        assert read(saved(tmp_path, midi(tune(60, wait=480 * 64))))[0] == [[256, 4, 60, 0]]  # as it is


class TestTracks:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return saved(tmp_path, midi(tune(72, 74, name="Tune"), chords(48, 52, name="Chords"), tune(36, channel=9)))

    def test_chosen_for_training(self, path: Path) -> None:
        for wanted in ("tune", "1", ("Tune",)):
            with gathered() as notes:
                codec = RollCodec(track=wanted).fit(modalities.read(path.parent)[0])
            assert codec.voices_ == 1 and "read only the chosen tracks of 1 of 1 MIDI files" in notes
        again = modalities.from_json(codec.to_json())
        with gathered():
            assert len(again.encode(MidiFiles([path]))) == 1 and again.track == ("Tune",)
            assert read_midi(path, tracks=("3",)).notes[0, 2] == 36  # drums, if they are asked for
        with pytest.raises(ZaohuaError, match=r"no track 'bass'; its tracks: 1 'Tune', 2 'Chords', 3$"):
            MusicCodec(track="bass").fit(MidiFiles([path]))

    def test_chosen_as_the_melody(self, path: Path) -> None:
        with gathered() as notes:
            assert read_melody(path, 4).pitches()[::4, 0].tolist() == [72, 74]
        assert "a.mid: the melody is track 1 of 1 'Tune', 2 'Chords', 3" in notes
        with gathered(), pytest.raises(ZaohuaError, match=r"track 2 has several notes at once.*melody_track="):
            read_melody(path, 4, "2")
        with gathered(), pytest.raises(ZaohuaError, match="no track 'Bass'"):
            read_melody(path, 4, "Bass")


def test_a_note_that_no_piano_has_names_its_file(tmp_path: Path) -> None:
    saved(tmp_path, GOOD, "a.mid")
    saved(tmp_path, midi(tune(20)), "b.mid")
    with pytest.raises(ZaohuaError, match=r"b.mid: a note of MIDI pitch 20 is outside"):
        RollCodec().fit(modalities.read(tmp_path)[0])
