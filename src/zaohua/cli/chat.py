"""Run `zaohua chat RUN`: talk in the terminal with a model that was trained on dialogues."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import zaohua
from zaohua.cli import runs
from zaohua.cli.flags import Flag, Seed, echo, leading, parse
from zaohua.cli.sample import sampling_flags
from zaohua.core.errors import ZaohuaError

if TYPE_CHECKING:
    from zaohua.families.autoregressive.texts import TextModel

CALL = "zaohua chat RUN [options]"
ABOUT = "Talk with a model that was trained on dialogues. A line is a message; /new begins a new dialogue, /exit ends."
COMMON = (
    Flag("system", str | None, None, "Instruction to the model before the dialogue (its system message)."),
    Flag("seed", Seed | None, None, "Seed: the same one gives the same answers."),
)


def main(arguments: Sequence[str]) -> None:
    """Answer line after line, until there are no more."""
    (run,), rest = leading(arguments, "the run comes", CALL, ABOUT, COMMON)
    folder = Path(run)
    flags = [flag for flag in sampling_flags(runs.read_model(folder)) if flag.name not in ("prompt", "suffix")]
    values = parse("zaohua chat RUN", ABOUT, [*COMMON, *flags], rest)
    model = zaohua.load(folder)
    if not hasattr(model, "chat"):
        raise ZaohuaError(f"chat is for models of texts, and {folder} is a {type(model).__name__}")
    model.chat_stream([{"role": "user", "content": ""}])  # raises an error that says why, if it can't
    talk(
        model,
        values.optional("system", str),
        values.optional("seed", int),
        {flag.name: values[flag.name] for flag in flags},
    )


def talk(model: TextModel, system: str | None, seed: int | None, options: dict[str, object]) -> None:
    """Hold the dialogue. Ctrl-C stops an answer; between answers it ends the dialogue, as the end of the input does."""
    instructions = [] if system is None else [{"role": "system", "content": system}]
    said: list[dict[str, str]] = []
    for line in lines():
        if line == "/exit":
            return
        if line == "/new":
            said = []
        elif line:
            answer = ""
            said.append({"role": "user", "content": line})
            try:
                for piece in model.chat_stream([*instructions, *said], random_state=seed, **options):
                    answer += piece
                    print(piece, end="", flush=True)
                print()
                said.append({"role": "assistant", "content": answer})
            except KeyboardInterrupt:
                print()
                said.append({"role": "assistant", "content": answer})
            except ZaohuaError as error:  # such as a letter that the model doesn't know: the dialogue goes on
                echo(f"zaohua: {error}")
                said.pop()


def lines() -> Iterator[str]:
    """Read lines up to the end of the input or Ctrl-C, with a prompt if they are typed on a terminal."""
    if sys.stdin.isatty():
        try:
            import readline  # noqa: F401 (lines can be edited)
        except ImportError:
            pass
    while True:
        try:
            yield (input("> ") if sys.stdin.isatty() else input()).strip()
        except (EOFError, KeyboardInterrupt):
            if sys.stdin.isatty():
                print()
            return
