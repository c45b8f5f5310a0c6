"""The command line: one module for each command, imported when it is called.

`zaohua COMMAND ...` imports neither torch nor tyro before it knows the command. What a person did wrong comes out as
one line on stderr with exit code 2; a traceback only with `--debug`.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from zaohua.core.errors import ZaohuaError, ZaohuaWarning, unknown

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("[--out demo] [--minutes 4]", "train one model per family on digits, one on sounds and one on texts"),
    "train": ("MODEL DATA [--out RUN] [--resume | --base RUN]", "train a model on a folder, file or named data set"),
    "sample": ("RUN [-n 64] [--y LABEL] [--out PATH]", "make new items with a trained model"),
    "chat": ("RUN", "talk with a model that was trained on dialogues"),
    "score": ("RUN DATA", "how well a model predicts data that it hasn't seen: bits per byte of texts"),
    "evaluate": ("RUN [--data DATA] [--samples 10000]", "measure a model by items that it has never seen"),
    "compare": ("RUN RUN ... [--out compare.html]", "measure models alike, tell which is better, write a page"),
    "benchmark": ("SUITE [--minutes 10]", "train and compare every model of a suite, such as images-small"),
    "impute": ("RUN FILE --out FILE", "fill in the missing cells of a table"),
    "copies": ("RUN", "how much of what a model of texts writes is copied from its training text"),
    "fit-distribution": ("FILE --column X [--out picture.png]", "which distribution describes a column of numbers"),
    "models": ("[--json | --markdown]", "the models, what they take and what they can do"),
    "info": ("RUN", "what a run holds: model, data, settings, training"),
}
"""Each command, how it is called, and what it does; `zaohua.cli.COMMAND` (with _ for -) has its `main(arguments)`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    warnings.showwarning = _show_warning
    if isinstance(sys.stdout, io.TextIOWrapper):  # a text may hold letters that a terminal has not
        sys.stdout.reconfigure(errors="replace")
    try:
        return _run([argument for argument in arguments if argument != "--debug"])
    except KeyboardInterrupt as stop:
        signum: int = getattr(stop, "signum", 2)
        print(f"zaohua: {stop or 'stopped'}", file=sys.stderr)
        return 128 + signum
    except BrokenPipeError:  # the reader of a pipe, such as head, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        line = explain(error)
        if debug or line is None:
            raise
        print(f"zaohua: error: {line}", file=sys.stderr)
        return 2


def _run(arguments: list[str]) -> int:
    """Find the command and call it."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    if arguments[0] == "--version":
        from zaohua import __version__

        print(f"zaohua {__version__}")
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        kind = "option" if name.startswith("-") else "command"
        raise unknown(kind, name, COMMANDS, "(see `zaohua --help`)")
    importlib.import_module(f"zaohua.cli.{name.replace('-', '_')}").main(rest)
    return 0


def _show_warning(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
    """Print our own warnings as one line; those of libraries are no concern of who runs a command."""
    if issubclass(category, ZaohuaWarning):
        print(f"zaohua: warning: {message}", file=sys.stderr)


def usage() -> str:
    """The text of `zaohua --help`."""
    width = max(len(f"{name} {how}") for name, (how, _) in COMMANDS.items())
    lines = [f"  zaohua {f'{name} {how}':<{width}}  {what}" for name, (how, what) in COMMANDS.items()]
    return "\n".join(
        [
            "zaohua learns what your data looks like, and makes more of it.",
            "",
            *lines,
            "",
            "DATA is a folder or file of your own, or a name: digits (built in), mnist, tinyshakespeare ...",
            "File names can say labels: 'wavs/{label}_{i}.wav'.",
            "Every command has --help; every field of a model is an option of `zaohua train MODEL --help`.",
            "Errors are one line; --debug adds the traceback.",
        ]
    )


def explain(error: Exception) -> str | None:
    """What a person did or ran into as one line; None for what is a bug."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, ZaohuaError | OSError):
        return " ".join(str(error).split())
    kind = type(error).__name__  # torch's error is told by its name, since torch may not be imported
    if kind in ("MemoryError", "OutOfMemoryError") or "can't allocate memory" in str(error):
        return "out of memory: a smaller --batch-size, more --grad-accumulation or a smaller --size takes less"
    return None
