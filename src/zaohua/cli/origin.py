"""Run `zaohua origin FILE ...`: tell what made files, as they say it, and whether they were changed since."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import takewhile
from pathlib import Path

from zaohua.cli.flags import Flag, leading, parse
from zaohua.cli.parser import is_option
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.storage.provenance import claims, files
from zaohua.storage.provenance.origin import COMPOSITE, ENHANCED, GENERATED, MEASURED, VOCABULARY

CALL = "zaohua origin FILE [FILE ...] [options]"
ABOUT = "Tell what made files, as they say it, and whether they were changed since; files of other programs, too."
FLAGS = (Flag("json", bool, False, "Print the facts as JSON."),)
MEANING = {
    GENERATED: "all of it was made by a model",
    COMPOSITE: "a model made parts or details of it",
    ENHANCED: "something that was there, corrected by an algorithm",
    MEASURED: "what a model measured of something that was there",
}
"""What IPTC's digital source types mean."""
STATES = {
    "Trusted": "valid, by a certificate that is trusted",
    "Valid": "valid, by a certificate that isn't known",
    "Invalid": "not valid: the file or the claim was changed, or the certificate can't be used",
}
"""What the states of claims mean."""


def main(arguments: Sequence[str]) -> None:
    """Read the files, and print what they say."""
    leading(arguments, "the files come", CALL, ABOUT, FLAGS)
    paths = [Path(word) for word in takewhile(lambda word: not is_option(word), arguments)]
    values = parse("zaohua origin FILE", ABOUT, FLAGS, arguments[len(paths) :])
    found = [facts(path) for path in paths]
    if values["json"]:
        print(json.dumps(found if len(found) > 1 else found[0]))
    elif len(found) == 1:
        print("\n".join([found[0]["file"], *(f"  {name:<8} {text}" for name, text in _lines(found[0]))]))
    else:
        width = max(len(one["file"]) for one in found)
        print("\n".join(f"{one['file']:<{width}}  {_short(one)}" for one in found))


def facts(path: Path) -> Json:
    """Return what a file says as JSON values.

    Raises:
        ZaohuaError: it can't be read.
    """
    if path.is_dir():
        raise ZaohuaError(f"{path} is a folder: name files in it")
    said = files.origin(path)
    claim = claims.read(path) if claims.is_installed() else None
    return {
        "file": str(path),
        "origin": None if said.origin is None else asdict(said.origin),
        "unchanged": said.unchanged,
        "source": said.source or (None if claim is None else claim.source),
        "c2pa": None if claim is None else asdict(claim),
        "signed": said.signed or claim is not None,
    }


def _lines(found: Json) -> list[tuple[str, str]]:
    """Return what a file says as a table."""
    origin, claim, lines = found["origin"], found["c2pa"], list[tuple[str, str]]()
    if origin is None:
        lines.append(("made by", "no origin recorded"))
    else:
        lines += [("made by", _made(origin)), ("weights", origin["weights"] or "not recorded")]
        lines += [("seed", "not recorded" if origin["seed"] is None else str(origin["seed"]))]
        lines += [("time", origin["time"])]
    if found["source"]:
        lines.append(("source", _source(found["source"])))
    if found["unchanged"] is not None:
        lines.append(("content", _content(found)))
    if claim is not None:
        signer, generator = claim["signer"] or "nobody named", claim["generator"] or "a program without a name"
        lines.append(("signed", f"by {signer}, with {generator}: {STATES.get(claim['state'], claim['state'])}"))
    elif found["signed"]:
        reason = "can't be read" if claims.is_installed() else f"reading it {claims.MISSING}"
        lines.append(("signed", f"by C2PA: {reason}"))
    return lines


def _short(found: Json) -> str:
    """Return what a file says in one line."""
    origin, claim = found["origin"], found["c2pa"]
    parts = ["no origin recorded"] if origin is None else [_made(origin), origin["time"], _content(found)]
    if origin is not None and origin["seed"] is not None:
        parts.insert(1, f"seed {origin['seed']}")
    if found["source"]:
        parts.append(found["source"].removeprefix(VOCABULARY))
    if claim is not None or found["signed"]:
        parts.append("signed" if claim is None else f"signed ({claim['state'].lower()})")
    return "; ".join(parts)


def _made(origin: Json) -> str:
    return f"{origin['generator']} {origin['version']}, model {origin['model'] or 'not recorded'}"


def _content(found: Json) -> str:
    return "as it was written" if found["unchanged"] else "CHANGED since it was written"


def _source(uri: str) -> str:
    name, meaning = uri.removeprefix(VOCABULARY), MEANING.get(uri)
    return f"{name} ({meaning})" if meaning else name
