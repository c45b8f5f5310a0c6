"""What a file says of what made it, and in which context files say so.

An origin names the program, the model, its weights and the seed, never a prompt, a path or a person.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, fields, replace
from typing import Protocol, Self

from zaohua.core.errors import ZaohuaError, named

VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
"""Where IPTC's digital source types are defined."""
GENERATED = f"{VOCABULARY}trainedAlgorithmicMedia"
"""All of it was made by a model."""
COMPOSITE = f"{VOCABULARY}compositeWithTrainedAlgorithmicMedia"
"""Something that was there, with parts or details that a model made."""
ENHANCED = f"{VOCABULARY}algorithmicallyEnhanced"
"""Something that was there, corrected."""
MEASURED = f"{VOCABULARY}dataDrivenMedia"
"""A table or a picture of what was measured of something that was there."""
CONTENT = "content"
"""Key of the hash in a record."""
LONGEST = 4096
"""Maximum number of characters of a record."""
LONGEST_VALUE = 256
"""Maximum number of characters of a value in it."""


@dataclass(frozen=True)
class Origin:
    """What made a file.

    Attributes:
        model: name of the class of the model.
        weights: sha256 of its weights, as the manifest of its run has it; None if they aren't final.
        seed: that its random numbers came from; None if it isn't known.
        source: IPTC's digital source type, such as `GENERATED`.
        time: when, in UTC: 2026-11-30T12:00:00Z.
        generator: the program.
        version: its version.
    """

    model: str | None = None
    weights: str | None = None
    seed: int | None = None
    source: str | None = GENERATED
    time: str = ""
    generator: str = "zaohua"
    version: str = ""

    def now(self) -> Self:
        """Return this origin with the version and the time of now, unless it has others.

        Raises:
            ZaohuaError: SOURCE_DATE_EPOCH is no time.
        """
        from zaohua import __version__

        return replace(self, version=self.version or __version__, time=self.time or _now())

    def after(self, before: Origin | None) -> Self:
        """Return this origin of something that another one was changed to: what a model made stays so."""
        generated = before is not None and before.source == GENERATED
        return replace(self, source=GENERATED) if generated else self

    def record(self, content: str) -> str:
        """Return the origin as JSON in ASCII, with the sha256 of the file without it."""
        return json.dumps({**{k: v for k, v in asdict(self).items() if v is not None}, CONTENT: content})

    @classmethod
    def of_record(cls, text: str) -> tuple[Self, str] | None:
        """Return the origin and the hash of a record; None if it isn't one."""
        if len(text) > LONGEST:
            return None
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(value, dict) or value.get("generator") != "zaohua":
            return None
        content = value.get(CONTENT)
        if not isinstance(content, str) or re.fullmatch("[0-9a-f]{64}", content) is None:
            return None
        known = {name: value.get(name) for name in (field.name for field in fields(cls))}
        seed = known.pop("seed")
        texts = {name: plain(text) for name, text in known.items()}
        whole = isinstance(seed, int) and not isinstance(seed, bool) and abs(seed) < 2**64
        filled = {name: texts[name] or "" for name in ("time", "version", "generator")}
        return cls(texts["model"], texts["weights"], seed if whole else None, texts["source"], **filled), content


class HasOrigin(Protocol):
    """Anything that can say what it is, as models do."""

    def file_origin(self) -> Origin:
        """Return what files say of it."""


class Signer(Protocol):
    """Anything that signs files, see `claims`."""

    def takes(self, suffix: str) -> bool:
        """Return whether files of an ending can be signed."""

    def sign(self, data: bytes, suffix: str, facts: dict[str, object]) -> bytes:
        """Return a signed file, whose claim holds facts."""


@dataclass(frozen=True)
class Recording:
    """What files that are written say.

    Attributes:
        origin: what made them.
        signer: signs them, or None.
    """

    origin: Origin
    signer: Signer | None = None


_current: ContextVar[Recording | None] = ContextVar("origin", default=None)
_off: ContextVar[bool] = ContextVar("no_origin", default=False)


def current() -> Recording | None:
    """Return what files that are written now say; None for nothing."""
    return None if _off.get() else _current.get()


@contextmanager
def recorded(origin: Origin | HasOrigin | None, signer: Signer | None = None) -> Iterator[None]:
    """Write into the files that `storage.outputs` writes inside the context what made them; None for nothing."""
    if origin is not None and not isinstance(origin, Origin) and not hasattr(origin, "file_origin"):
        raise ZaohuaError(f"origin must be the model that made the items, not {named(origin)}")
    found = origin if origin is None or isinstance(origin, Origin) else origin.file_origin()
    token = _current.set(None if found is None else Recording(found.now(), signer))
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def recorded_after(before: Origin | None) -> Iterator[None]:
    """Write into files inside the context that they were changed from what had an origin, or none, see `after`."""
    recording = _current.get()
    token = _current.set(recording and replace(recording, origin=recording.origin.after(before)))
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def no_origin() -> Iterator[None]:
    """Write files inside the context that don't say what made them."""
    token = _off.set(True)
    try:
        yield
    finally:
        _off.reset(token)


def _now() -> str:
    """Return the time in UTC, or the one that SOURCE_DATE_EPOCH says, by which builds are repeated to the bit."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        seconds = time.time() if epoch is None else int(epoch)
        moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (ValueError, OverflowError, OSError):
        raise ZaohuaError(f"SOURCE_DATE_EPOCH must be seconds since 1970, not {epoch!r}") from None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def plain(value: object) -> str | None:
    """Return a text of a file without control characters, cut where it is too long; None for anything else."""
    if not isinstance(value, str):
        return None
    return "".join(letter for letter in value[:LONGEST_VALUE] if letter.isprintable())
