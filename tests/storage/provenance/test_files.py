"""What files say of what made them: every kind, to the bit, and also if they are hostile."""

from __future__ import annotations

import json
import os
import struct
import time
import zlib
from pathlib import Path

import pytest
from PIL import Image
from tests.storage.provenance.kinds import INSIDE, XMP, content, make

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.storage.outputs import INDEX, GrowingFolder, check, whole_file, whole_folder
from zaohua.storage.provenance import files, xmp
from zaohua.storage.provenance.origin import COMPOSITE, GENERATED, LONGEST, Origin, Recording, no_origin, recorded

ORIGIN = Origin("DDPM", "ab" * 32, 3, time="2026-11-30T12:00:00Z", version="9.9")


def mark(path: Path) -> Path:
    """The file, which now says what made it."""
    beside = files.write(path, Recording(ORIGIN))
    if beside is not None:
        files.beside(path).write_bytes(beside)
    return path


def marked(name: str, folder: Path) -> Path:
    """One of the files, which says what made it."""
    return mark(make(name, folder / name))


@pytest.mark.parametrize("name", INSIDE)
def test_every_kind_says_what_made_it_and_nothing_else_changes(name: str, tmp_path: Path) -> None:
    path = make(name, tmp_path / name)
    before, bytes_before = content(path), path.read_bytes()
    mark(path)
    assert files.beside(path).exists() != INSIDE[name]
    assert content(path) == before
    said = zh.origin(path)
    assert said == files.Said(ORIGIN, True, GENERATED)
    if not INSIDE[name]:
        assert path.read_bytes() == bytes_before
    files.remove(path)  # and it can be unsaid
    assert path.read_bytes() == bytes_before


@pytest.mark.parametrize("name", ["a.png", "xmp.jpg", "a.webp", "a.wav", "a.flac", "a.ogg", "a.mid", "a.tif", "a.csv"])
def test_files_that_were_changed_are_known(name: str, tmp_path: Path) -> None:
    path = make(name, tmp_path / name)
    end = path.read_bytes()[-8:-2]  # of the pixels, samples or notes
    data = bytearray(mark(path).read_bytes())
    data[data.find(end)] ^= 1
    path.write_bytes(data)
    said = zh.origin(path)
    assert (said.origin, said.unchanged) == (ORIGIN, False)


@pytest.mark.parametrize("name", ["xmp.png", "xmp.jpg", "xmp.webp"])
def test_packets_of_others_stay_and_ours_is_beside(name: str, tmp_path: Path) -> None:
    path = marked(name, tmp_path)
    with Image.open(path) as image:
        packet = image.info.get("xmp") or image.info["XML:com.adobe.xmp"].encode()
    assert packet.startswith(XMP[: XMP.find(b"</rdf:RDF>")]) and packet.endswith(b"</rdf:RDF></x:xmpmeta>")
    assert xmp.source_of(packet) == GENERATED


def test_files_of_others_have_no_origin_but_their_source_type_is_told(tmp_path: Path) -> None:
    for name in INSIDE:
        assert zh.origin(make(name, tmp_path / name)) == files.Said()
    stated = XMP.replace(b"dc:source=", f'Iptc4xmpExt:DigitalSourceType="{COMPOSITE}" dc:source='.encode())
    make("a.png", tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        image.save(tmp_path / "theirs.jpg", xmp=stated)
    assert zh.origin(tmp_path / "theirs.jpg") == files.Said(source=COMPOSITE)


def test_facts_that_people_wrote_into_files_before_are_replaced_by_ours_once(tmp_path: Path) -> None:
    path = marked("a.png", tmp_path)
    files.write(path, Recording(Origin("VAE", time="2027-01-01T00:00:00Z", version="9.9")))
    assert zh.origin(path).origin == Origin("VAE", time="2027-01-01T00:00:00Z", version="9.9")
    assert path.read_bytes().count(b"zaohua\0{") == 1 and b"DDPM" not in path.read_bytes()


# ---- what is written


def test_a_file_and_a_folder_say_what_made_them_only_inside_the_context(tmp_path: Path) -> None:
    with recorded(ORIGIN):
        with whole_file(tmp_path / "a.png") as temporary, whole_file(temporary) as inner:
            make("a.png", inner)
        with whole_file(tmp_path / "a.csv") as temporary:
            temporary.write_text("a\n1\n")
        with whole_folder(tmp_path / "folder") as temporary:
            make("a.png", temporary / "0.png")
            (temporary / "1.txt").write_text("words")
            (temporary / "metadata.csv").write_text("file_name,label\n")
        with GrowingFolder(tmp_path / "growing") as growing, whole_file(tmp_path / "growing" / "a.txt") as temporary:
            temporary.write_text("words")
        growing.add(tmp_path / "growing" / "a.txt")
        growing.__exit__()
        with no_origin(), whole_file(tmp_path / "off.png") as temporary:
            make("a.png", temporary)
    for path in ("a.png", "a.csv", "folder/0.png", "folder/1.txt", "growing/a.txt"):
        assert zh.origin(tmp_path / path).origin == ORIGIN and zh.origin(tmp_path / path).unchanged
    assert sorted(os.listdir(tmp_path / "folder")) == [
        INDEX, "0.png", "1.txt", "1.txt.origin.json", "metadata.csv"
    ]  # fmt: skip
    assert zh.origin(tmp_path / "off.png") == files.Said()
    check(tmp_path / "folder", overwrite=True, folder=True)  # all of it is ours
    check(tmp_path / "growing", overwrite=True, folder=True)
    with whole_file(tmp_path / "a.csv") as temporary:  # of another origin: what is said of the old one goes
        temporary.write_text("a\n2\n")
    assert not (tmp_path / "a.csv.origin.json").exists()


def test_a_file_of_others_in_the_place_beside_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.csv.origin.json").write_text("{}")
    with pytest.raises(ZaohuaError, match="a.csv.origin.json, which would say what made a.csv, is there already"):
        check(tmp_path / "a.csv")


def test_files_beside_texts_are_not_read_as_data(tmp_path: Path) -> None:
    with recorded(ORIGIN), whole_folder(tmp_path / "texts") as temporary:
        (temporary / "0.txt").write_text("one text\n")
        (temporary / "1.txt").write_text("another text\n")
    texts, _ = zh.read(tmp_path / "texts")
    assert len(texts) == 2


def test_the_time_can_be_set_so_that_files_are_repeated_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    for name in ("a.png", "b.png"):
        with recorded(Origin("DDPM")), whole_file(tmp_path / name) as temporary:
            make("a.png", temporary)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    found = zh.origin(tmp_path / "a.png").origin
    assert found is not None and found.time == "1970-01-02T00:00:00Z" and found.version == zh.__version__
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "today")
    with pytest.raises(ZaohuaError, match="SOURCE_DATE_EPOCH must be seconds since 1970, not 'today'"):
        recorded(Origin("DDPM")).__enter__()


def test_what_a_model_made_stays_so_when_it_is_changed() -> None:
    changed = Origin("Restorer", source=COMPOSITE)
    assert changed.after(None) == changed and changed.after(Origin(source=COMPOSITE)) == changed
    assert changed.after(ORIGIN).source == GENERATED


# ---- hostile files


def chunk(kind: bytes, data: bytes, length: int | None = None) -> bytes:
    size = len(data) if length is None else length
    return struct.pack(">I", size) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"\0" * 13)
BOMB = b'<!DOCTYPE x [<!ENTITY a "' + b"A" * 1000 + b'"><!ENTITY b "' + b"&a;" * 1000 + b'">]>'
HOSTILE = {
    "cut.png": PNG[:20],
    "huge.png": PNG + chunk(b"tEXt", b"zaohua\0{", 1 << 30),
    "endless.png": PNG + chunk(b"aaaa", b"") * 150_000,
    "bomb.png": PNG + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + BOMB + b"<rdf:RDF>&b;</rdf:RDF>"),
    "deep.png": PNG + chunk(b"tEXt", b"zaohua\0" + b"[" * 100_000),
    "long.png": PNG + chunk(b"tEXt", b"zaohua\0" + b'{"generator": "zaohua", "x": "' + b"A" * 10_000 + b'"}'),
    "types.png": PNG + chunk(b"tEXt", b'zaohua\0{"generator": "zaohua", "content": 3, "seed": [1]}'),
    "zero.jpg": b"\xff\xd8" + b"\xff\xe1\0\0" * 10,
    "cut.jpg": b"\xff\xd8\xff\xe1\xff\xff" + b"http://ns.adobe.com/xap/1.0/\0",
    "huge.wav": b"RIFF\xff\xff\xff\xffWAVE_PMX\xff\xff\xff\x7f" + b"A" * 100,
    "cut.webp": b"RIFF\x20\0\0\0WEBP",
    "loop.tif": b"II*\0\x08\0\0\0\xff\xff" + b"\xbc\x02\x01\0\xff\xff\xff\xff\x08\0\0\0" * 3,
    "far.tif": b"MM\0*\xff\xff\xff\xff",
    "cut.gif": b"GIF89a\1\0\1\0\0\0\0\x21\xfe\xff" + b"A" * 20,
    "cut.flac": b"fLaC\x04\xff\xff\xff" + b"\xff" * 40,
    "many.flac": b"fLaC\x84\0\0\x0c" + b"\0\0\0\0\xff\xff\xff\xff\0\0\0\0",
    "cut.ogg": b"OggS" + b"\0" * 22 + b"\xff",
    "endless.ogg": b"OggS" + b"\0" * 22 + b"\0" + (b"OggS" + b"\0" * 22 + b"\xff" + b"\xff" * 255) * 20,
    "cut.mid": b"MThd\xff\xff\xff\xff",
    "text.mid": b"MThd\0\0\0\6" + b"\0" * 6 + b"MTrk\0\0\0\1\0\xff\1\xff\x7fzaohua {",
    "empty.png": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_say_nothing_and_are_bounded(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(HOSTILE[name])
    began = time.process_time()
    assert zh.origin(path).origin is None
    files.write(path, Recording(ORIGIN))  # nor does writing fail
    assert time.process_time() - began < 5


def test_what_a_record_holds_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a\n")
    good = {"generator": "zaohua", "content": "0" * 64, "model": "A\x1b[31m" + "B" * 1000, "seed": True, "version": 3}
    files.beside(path).write_text(json.dumps(good))
    found = zh.origin(path).origin
    assert found is not None and found.model is not None and "\x1b" not in found.model and len(found.model) < 300
    assert (found.seed, found.version) == (None, "")
    for bad in ("[]", "{", '{"generator": "other"}', json.dumps({**good, "content": "short"}), " " * LONGEST + "{}"):
        files.beside(path).write_text(bad)
        assert zh.origin(path) == files.Said()


def test_what_is_no_file_is_refused_in_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "none.png", tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ZaohuaError, match=f"{path}: can't be read: "):
            zh.origin(path)
