"""Run `zaohua serve RUN [RUN ...]`: answer requests for models over HTTP, as OpenAI's clients send them."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import sys
from collections.abc import Collection, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zaohua.cli.flags import Flag, from_fields, leading, parse
from zaohua.cli.options import Options
from zaohua.cli.parser import is_option
from zaohua.core.advice import quoted
from zaohua.core.errors import ZaohuaError
from zaohua.core.params import fields_of
from zaohua.serving.settings import Settings

if TYPE_CHECKING:
    from zaohua.serving.work import ModelCard

CALL = "zaohua serve RUN [RUN ...] [options]"
ABOUT = "Serve models over HTTP, as OpenAI's clients call them. Keys are read from ZAOHUA_API_KEY, or from a file."
KEY = "ZAOHUA_API_KEY"
"""Variable of the environment that holds the key; several are separated by commas."""
PACKAGES = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")
"""Modules of the extra `serve`."""
FLAGS = (
    Flag("api_key_file", str | None, None, "File with a key in each line, which clients have to show.", metavar="FILE"),
    Flag(
        "preload",
        tuple[str, ...],
        (),
        "Models to load at the start, by the names of their folders; by default the only one, if there is but one.",
        repeat=True,
        metavar="NAME",
    ),
)


def main(arguments: Sequence[str]) -> None:
    """Read the options, listen, load the models meanwhile, and serve until told to stop."""
    flags = [*FLAGS, *from_fields(fields_of(Settings), leave_out=("keys",))]
    leading(arguments, "the runs come", CALL, ABOUT, flags)
    names = list(takewhile(lambda word: not is_option(word), arguments))
    values = parse("zaohua serve RUN", ABOUT, flags, arguments[len(names) :])
    settings = _settings(values)
    _check(settings)
    from zaohua.serving import server
    from zaohua.serving.engines.shelf import Runs

    shelf = Runs(names, settings, values.texts("preload") or None)
    listening = server.listen(settings)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    port = listening.getsockname()[1]

    def told() -> None:
        _tell(shelf.cards.values(), settings, port, values.optional("api_key_file", str))

    server.run(shelf, settings, listening, told=told)


def _settings(values: Options) -> Settings:
    """Return the settings that are given, with the keys."""
    path = values.optional("api_key_file", str)
    if path is None:
        keys = [key.strip() for key in os.environ.get(KEY, "").split(",")]
    else:
        keys = [line.strip() for line in Path(path).expanduser().read_text().splitlines()]
    keys = [key for key in keys if key]
    if path is not None and not keys:
        raise ZaohuaError(f"{path} holds no key: write one in a line, such as `openssl rand -hex 24` makes")
    if not all(key.isascii() and key.isprintable() and " " not in key for key in keys):
        raise ZaohuaError(f"{path or KEY}: a key is made of ASCII letters, digits and signs, without spaces")
    given: dict[str, Any] = {name: values[name] for name in fields_of(Settings) if name != "keys"}
    return Settings(keys=tuple(keys), **given)


def _check(settings: Settings) -> None:
    """Refuse what can't be served, or not safely, before anything is imported."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ZaohuaError(f"serving needs {' and '.join(missing)}: pip install 'zaohua[serve]'")
    if not settings.keys and not settings.is_local:
        raise ZaohuaError(
            f"at {settings.host} anybody who reaches this machine could use the models: set a key first, "
            f"`export {KEY}=$(openssl rand -hex 24)`, or name a file that holds one, --api-key-file FILE"
        )


def _tell(cards: Collection[ModelCard], settings: Settings, port: int, path: str | None) -> None:
    """Print where the server listens, what it serves, and how to try it."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
    address = f"http://{f'[{host}]' if ':' in host.strip('[]') and host[0] != '[' else host}:{port}"
    width = max(len(card.id) for card in cards)
    print(f"serving at {address}, described at {address}/docs")
    for card in cards:
        print(f"  {card.id:<{width}}  {card.kind}, {card.modality}")
    secret = f"$(head -1 {quoted(path)})" if path else f"${KEY}"
    key = f' -H "Authorization: Bearer {secret}"' if settings.keys else ""
    route, body, more = _trial(next(iter(cards)))
    print(f"try: curl {address}{route}{key} -H 'Content-Type: application/json' -d {quoted(json.dumps(body))}{more}")
    sys.stdout.flush()


def _trial(card: ModelCard) -> tuple[str, dict[str, object], str]:
    """Return a route to try a model by, what to send there, and what else `curl` needs."""
    if "stream" in card.capabilities:
        return "/v1/completions", {"model": card.id, "prompt": "", "max_tokens": 40}, ""
    if card.modality == "sounds":
        return "/v1/audio/speech", {"model": card.id, "input": "", "response_format": "wav"}, " --output sound.wav"
    return "/v1/samples", {"model": card.id, "n": 1}, ""
