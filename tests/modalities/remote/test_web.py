"""Files of the web: fetched once, again if they change, whole or not at all, and each failure in one line."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.web import Page, Server, serving

import zaohua as zh
from zaohua.cli import main
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import DataNote
from zaohua.modalities.remote import fetching, web
from zaohua.modalities.remote.addresses import name_of, shown

TEXT = b"one line of text\n" * 50


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server, an empty cache, and nothing known of an earlier test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(fetching.VARIABLE, raising=False)
    monkeypatch.setattr(web, "TIMEOUT", 0.3)
    with serving() as server:
        yield server


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What a later process does: it knows nothing of what was fetched in this one."""
    monkeypatch.setattr(fetching, "_here", {})
    return monkeypatch


def forget(later: pytest.MonkeyPatch) -> None:
    later.setattr(fetching, "_here", {})


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for i in range(4):
            picture = io.BytesIO()
            Image.fromarray(np.full((8, 8, 3), 80 * i, np.uint8)).save(picture, "PNG")
            file.writestr(f"photos/{'cat' if i < 2 else 'dog'}/{i}.png", picture.getvalue())
    return out.getvalue()


def lines(path: Path | str) -> bytes:
    return Path(path).read_bytes()


def test_a_text_is_fetched_once_and_again_if_it_changes(
    server: Server, later: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = server.put("plays/all.txt", TEXT)
    assert list(zh.read(url)[0]) == list(zh.read(url)[0]) == [TEXT.decode()] and server.fetched() == 1
    told = capsys.readouterr().err.splitlines()
    assert told[0] == f"fetching {url} (0.0 MB)" and told[1].startswith(f"fetched {url}: 0.0 MB, ")
    forget(later)
    zh.read(url)
    assert server.fetched() == 1 and server.asked[-1][0] == "HEAD"
    server.put("plays/all.txt", b"new")
    forget(later)
    assert list(zh.read(url)[0]) == ["new"] and server.fetched() == 2


def test_without_an_etag_the_size_tells(server: Server, later: pytest.MonkeyPatch) -> None:
    url = server.put("a.txt", Page(TEXT, etag=False))
    fetching.local(url)
    forget(later)
    fetching.local(url)
    assert server.fetched() == 1
    server.put("a.txt", Page(TEXT, etag=False, length=-1))  # nothing tells
    forget(later)
    fetching.local(url)
    assert server.fetched() == 2


def test_an_archive_of_pictures_and_their_classes(server: Server) -> None:
    X, y = zh.read(server.put("photos.zip", archive()) + "?download=1", True)
    assert [int(image.mean()) for image in X] == [0, 80, 160, 240] and y == ["cat", "cat", "dog", "dog"]


@pytest.fixture
def run(server: Server, tmp_path: Path) -> tuple[Path, str]:
    """A run on an archive of the web, and its address."""
    url = server.put("photos.zip", archive())
    zh.DCGAN(max_steps=1, batch_size=2, size=8, random_state=0).fit(url, True, out=tmp_path / "run")
    return tmp_path / "run", url


def test_a_run_goes_on_with_what_it_learnt_whatever_the_address_has_now(
    run: tuple[Path, str], server: Server, later: pytest.MonkeyPatch
) -> None:
    folder, url = run
    server.put("photos.zip", b"something else")
    forget(later)
    asked = len(server.asked)
    model = zh.DCGAN(max_steps=2, batch_size=2, size=8, random_state=0).resume(folder)
    assert model.n_steps_ == 2 and len(server.asked) == asked
    assert zh.load(folder).source_ == model.source_ and model.source_ is not None
    assert model.source_["X"] == url and model.source_["sha256"] == fetching.hash_of(
        f"{url}#sha256={model.source_['sha256']}"
    )


def test_a_run_whose_data_changed_and_are_no_longer_in_the_cache_says_so(
    run: tuple[Path, str], server: Server, later: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder, _ = run
    server.put("photos.zip", archive() + b" ")
    later.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    with pytest.raises(ZaohuaError, match="photos.zip: has changed: its SHA-256 hash is .* now, not"):
        zh.DCGAN(max_steps=2, batch_size=2, size=8, random_state=0).resume(folder)


def test_a_hash_pins_the_content_and_damage_is_found(server: Server, later: pytest.MonkeyPatch) -> None:
    url = server.put("a.txt", TEXT)
    path = Path(fetching.local(url))
    pinned = f"{url}#sha256={fetching.hash_of(url)}"
    assert fetching.local(pinned) == path
    with pytest.raises(ZaohuaError, match="isn't a SHA-256 hash"):
        fetching.local(f"{url}#sha256=12")
    with pytest.raises(ZaohuaError, match="has changed"):
        fetching.local(f"{url}#sha256={'0' * 64}")
    path.write_bytes(b"other")
    later.setattr("zaohua.modalities.remote.store._verified", set())
    with pytest.raises(ZaohuaError, match="was changed since it was fetched: delete"):
        fetching.local(pinned)


def test_an_address_that_fails_later_is_read_from_the_cache_with_a_note(
    server: Server, later: pytest.MonkeyPatch
) -> None:
    url = server.put("a.txt", TEXT)
    path = fetching.local(url)
    server.put("a.txt", Page(status=500))
    forget(later)
    with pytest.warns(DataNote, match="answers 500 .*; the copy of .* is read"):
        assert fetching.local(url) == path


def test_a_transfer_that_breaks_off_goes_on_where_it_ended(server: Server) -> None:
    url = server.put("a.txt", Page(TEXT, breaks=100, broken=3))
    assert lines(fetching.local(url)) == TEXT
    ranges = [asked for method, _, asked in server.asked if method == "GET"]
    assert ranges == ["", "bytes=100-", "bytes=200-", "bytes=300-"]


def test_it_begins_anew_where_parts_cannot_be_asked_for(server: Server) -> None:
    url = server.put("a.txt", Page(TEXT, breaks=100, broken=2, ranges=False))
    assert lines(fetching.local(url)) == TEXT


def test_a_later_attempt_goes_on_unless_the_file_has_changed(server: Server) -> None:
    url = server.put("a.txt", Page(TEXT, breaks=100, broken=1000, ranges=False))
    with pytest.raises(ZaohuaError, match="ended after 100 of 850 bytes"):
        fetching.local(url)
    server.put("a.txt", TEXT)
    assert lines(fetching.local(url)) == TEXT and server.asked[-1][2] == "bytes=100-"
    other = server.put("b.txt", Page(TEXT, breaks=100, broken=1000, ranges=False))
    with pytest.raises(ZaohuaError):
        fetching.local(other)
    server.put("b.txt", b"changed " + TEXT)
    assert lines(fetching.local(other)) == b"changed " + TEXT and server.asked[-1][2] == ""


@pytest.mark.parametrize(
    "page, message",
    [
        (Page(status=404), r"a.txt: the server answers 404 \(there is no such file\)"),
        (Page(status=403), r"a.txt: the server answers 403 \(doesn't allow it\)"),
        (Page(status=503), "a.txt: the server answers 503"),
        (Page(TEXT, wait=1.0), "a.txt: can't be fetched .no answer for 0.3 seconds"),
        (Page(TEXT, length=10_000_000_000), "a.txt: 10.0 GB are more than the 5 GB that are fetched unasked"),
        (Page(TEXT, length=851), "a.txt: ended after 850 of 851 bytes"),
        (Page(TEXT, headers={"Content-Type": "text/html"}), "is a web page, and not a file of data: give the address"),
        (Page(status=302, headers={"Location": "file:///etc/passwd"}), "a.txt: leads to file:, which isn't followed"),
        (Page(status=302, headers={"Location": "/a.txt"}), "a.txt: the server answers 302"),
    ],
)
def test_failures_are_told_in_one_line(server: Server, page: Page, message: str) -> None:
    url = server.put("a.txt", page)
    with pytest.raises(ZaohuaError, match=message) as refused:
        zh.read(url)
    assert "\n" not in str(refused.value) and not [*fetching.cache_folder().glob("remote/content/*")]


def test_a_body_without_end_is_stopped_at_the_limit(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fetching.VARIABLE, "0.0000001")
    url = server.put("a.txt", Page(TEXT, length=-1, headers={"Connection": "close"}))
    with pytest.raises(ZaohuaError, match="more than 0.0 MB are more than the 1e-07 GB"):
        fetching.local(url)
    monkeypatch.setenv(fetching.VARIABLE, "much")
    with pytest.raises(ZaohuaError, match="ZAOHUA_MAX_DOWNLOAD is 'much', but must be a number"):
        fetching.local(url)


def test_nobody_answers(server: Server) -> None:
    with pytest.raises(ZaohuaError, match="can't be fetched .Connection refused"):
        zh.read("http://127.0.0.1:1/a.txt")
    with pytest.raises(ZaohuaError, match="an address is given as a text"):
        zh.read(Path("http://127.0.0.1:1/a.txt"))


def test_names_lead_nowhere_and_secrets_are_not_shown(server: Server) -> None:
    page = Page(TEXT, headers={"Content-Disposition": 'attachment; filename="../../up.txt"'})
    assert Path(fetching.local(server.put("get", page))).name == "up.txt"
    assert name_of("https://host/a/%2e%2e%2fb.zip") == "b.zip" and name_of("https://host/..") == "data"
    assert name_of("https://host/get?id=5", None, "text/csv; charset=utf-8") == "get.csv"
    assert shown("https://me:word@host/a.zip?X-Amz-Signature=1&id=5") == "https://host/a.zip?id=5"
    with pytest.raises(ZaohuaError, match="^https://host/a.zip: passwords in addresses aren't sent"):
        zh.read("https://me:word@host/a.zip")


def test_conditions_may_lie_behind_an_address_too(server: Server, tmp_path: Path) -> None:
    warnings.simplefilter("ignore", DataNote)
    x, y = server.put("x.npy", npy((6, 8, 8))), server.put("y.txt", b"a\nb\nc\nd\ne\nf\n")
    assert zh.read(x, y)[1] == ["a", "b", "c", "d", "e", "f"]
    model = zh.DCGAN(max_steps=1, batch_size=2, size=8, random_state=0).fit(x, y, out=tmp_path / "run")
    assert model.source_ is not None and model.source_["y"] == y and len(model.source_["y_sha256"]) == 64
    assert zh.DCGAN(max_steps=2, batch_size=2, size=8, random_state=0).resume(tmp_path / "run").n_steps_ == 2


def npy(shape: tuple[int, ...]) -> bytes:
    out = io.BytesIO()
    np.save(out, np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    return out.getvalue()


def test_the_command_line_takes_addresses(
    server: Server, later: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later.chdir(tmp_path)
    url = server.put("photos.zip", archive()) + "?token=secret"
    small = ["--batch-size", "2", "--size", "8", "--device", "cpu"]
    main(["train", "dcgan", url, "--max-steps", "1", *small])
    assert "4 pictures of 8 x 8 pixels" in capsys.readouterr().err and Path("runs/dcgan-photos").is_dir()
    forget(later)
    server.put("photos.zip", Page(status=404))
    main(["resume", "runs/dcgan-photos", "--max-steps", "2"])
    assert zh.load("runs/dcgan-photos").n_steps_ == 2
    saved = b"".join(file.read_bytes() for file in Path("runs").rglob("*") if file.is_file())
    assert b"secret" not in saved and shown(url).encode() in saved
    main(["read", server.put("a.csv", b"a,b\n1,x\n2,y\n")])
    assert "2 rows" in capsys.readouterr().out
