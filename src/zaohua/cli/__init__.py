"""Run the command line: one module for each command, imported when it is called.

`zaohua COMMAND ...` imports neither torch nor argparse before it knows the command. A mistake of the user is told as
one line on stderr, with exit code 2; `--debug` adds the traceback.
"""

from __future__ import annotations

import importlib
import io
import os
import shutil
import sys
import textwrap
import warnings
from collections.abc import Sequence

from zaohua.core.advice import command_line
from zaohua.core.errors import ZaohuaError, ZaohuaWarning, unknown

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("[--out demo] [--minutes 4]", "train one model of each family on built-in data, and write a page"),
    "train": ("MODEL DATA [--out RUN] [--resume | --base RUN]", "train a model on a folder, file or named data set"),
    "resume": ("RUN [--max-minutes 40]", "go on with a run that was stopped, or for longer"),
    "read": ("DATA [--size 32] [--json]", "tell what data are taken for, and every doubt, without training"),
    "sample": ("RUN [-n 64] [--y LABEL] [--out PATH]", "make new items with a trained model"),
    "chat": ("RUN", "talk with a model that was trained on dialogues"),
    "serve": ("RUN [RUN ...] [--port 8000]", "answer requests over HTTP, as OpenAI's clients send them"),
    "score": ("RUN DATA", "tell how well a model predicts data that it hasn't seen"),
    "evaluate": ("RUN [--data DATA] [--samples 10000]", "measure a model by items that it has never seen"),
    "compare": ("RUN RUN ... [--out compare.html]", "measure models in the same way, and tell which is better"),
    "benchmark": ("SUITE [--minutes 10]", "train and compare every model of a suite, such as images-small"),
    "impute": ("RUN FILE --out FILE", "fill in the missing cells of a table"),
    "fill": ("RUN TEXT [--samples 3]", "fill in the gaps of a text, marked ___"),
    "interpolate": ("RUN A B [-n 8] [--out strip.png]", "make what lies between two items, seeds or conditions"),
    "inpaint": ("RUN INPUT --mask FILE [--out OUTPUT]", "make parts of pictures, or gaps of sounds, anew"),
    "upscale": ("RUN INPUT [--factor 2]", "make pictures larger, or sounds clearer, with details as they may be"),
    "deblur": ("RUN INPUT --blur 1.5", "make blurred pictures sharp"),
    "denoise": ("RUN INPUT [--noise 25]", "remove noise from pictures or sounds"),
    "colourise": ("RUN INPUT", "give grey pictures colours"),
    "declip": ("RUN INPUT", "restore the peaks of sounds that were recorded too loud"),
    "declick": ("RUN INPUT", "remove clicks from sounds"),
    "extend": ("RUN INPUT --right 32 | --seconds 1", "go on with pictures beyond their edges, or with sounds"),
    "restore": ("RUN INPUT --degrade 'downscale 4 | noise 10'", "undo whatever happened to pictures or sounds"),
    "resynthesise": ("RUN INPUT [--out OUTPUT]", "make sounds anew from their spectrograms, by a vocoder"),
    "explain": ("RUN [--item FILE] [--out page.html]", "explain a model and one of its items on one page"),
    "anomalies": ("RUN INPUT [--out map.png]", "tell where pictures or sounds differ from what a model expects"),
    "copies": ("RUN", "tell how much of what a model of texts writes is copied"),
    "audit": ("RUN [--against DATA] [--out page.html]", "try to tell what a model was trained on, and bound epsilon"),
    "fit-distribution": (
        "FILE --column X [--out picture.png]",
        "find the distribution that describes a column of numbers",
    ),
    "export": (
        "RUN --to onnx | torch | lora [--out FOLDER]",
        "write a model for other tools, which run it without zaohua",
    ),
    "push": ("RUN org/name [--license NAME]", "write a model to huggingface.co"),
    "pull": ("org/name[@revision] [--out RUN]", "save a model of huggingface.co as a run"),
    "augment": ("RUN [--label COLUMN] [-n 100]", "tell whether samples help a classifier, and write augmented data"),
    "origin": ("FILE [FILE ...] [--json]", "tell what made files, as they say it, and whether they were changed"),
    "models": ("[--json | --markdown]", "list the models, what they take and what they can do"),
    "info": ("RUN | MODEL", "tell what a run or a published model holds: model, data, settings, training"),
}
"""Each command, how it is called, and what it does. The module `zaohua.cli.COMMAND` (with _ for -) has its `main`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line, and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    warnings.showwarning = _show_warning
    if isinstance(sys.stdout, io.TextIOWrapper):  # a text may hold letters that the terminal can't show
        sys.stdout.reconfigure(errors="replace")
    try:
        with command_line():
            return _run([argument for argument in arguments if argument != "--debug"])
    except KeyboardInterrupt as stop:
        signum: int = getattr(stop, "signum", 2)
        print(f"zaohua: {str(stop) or 'stopped'}", file=sys.stderr)
        return 128 + signum
    except BrokenPipeError:  # the reader of a pipe, such as head, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        line = told(error)
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


def _show_warning(message: Warning | str, category: type[Warning], *place: object, **more: object) -> None:
    """Print Zaohua's own warnings as one line each, and those of libraries not at all."""
    if issubclass(category, ZaohuaWarning):
        print(f"zaohua: warning: {message}", file=sys.stderr)


def usage() -> str:
    """Write the text of `zaohua --help`, as wide as the terminal."""
    width = shutil.get_terminal_size().columns
    calls = [f"  zaohua {name} {how}".rstrip() for name, (how, _) in COMMANDS.items()]
    place = max(map(len, calls)) + 2
    beside = place + max(len(what) for _, what in COMMANDS.values()) <= width
    lines = []
    for call, (_, what) in zip(calls, COMMANDS.values(), strict=True):
        lines += [f"{call:<{place}}{what}"] if beside else [call, *_wrapped(what, width, " " * 6)]
    return "\n".join(
        [
            "zaohua learns what your data looks like, and makes more of it.",
            "",
            *lines,
            "",
            *_wrapped(
                "DATA is a folder or a file of yours, or the name of a data set: digits (built in), mnist, "
                "tinyshakespeare ... Labels can be read from file names: 'wavs/{label}_{i}.wav'.",
                width,
            ),
            *_wrapped("Every command has --help. `zaohua train MODEL --help` lists all options of a model.", width),
            "An error is one line; --debug adds the traceback.",
        ]
    )


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Wrap a text between words."""
    width = max(40, min(width, 110))
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )


def told(error: Exception) -> str | None:
    """Write an error that the user can do something about as one line; None for a bug."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, ZaohuaError | OSError):
        return " ".join(str(error).split())
    kind = type(error).__name__  # torch may not be imported: its error is known by name
    if kind in ("MemoryError", "OutOfMemoryError") or "can't allocate memory" in str(error):
        return "out of memory: a smaller --batch-size, more --grad-accumulation or a smaller --size takes less"
    return None
