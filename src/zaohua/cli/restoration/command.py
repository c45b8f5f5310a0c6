"""One command of restoration: its options, and the work that all of them share."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import zaohua
from zaohua.cli import runs
from zaohua.cli.conditions import given_conditions
from zaohua.cli.flags import Flag, Seed, echo, leading, parse
from zaohua.cli.options import Options
from zaohua.cli.origins import WRITING, Writing
from zaohua.cli.restoration.places import places
from zaohua.cli.restoration.work import Prepare, Settings, Work
from zaohua.cli.sample import sampling_flags
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.notes import gathered, note
from zaohua.core.params import Between
from zaohua.storage.provenance.origin import COMPOSITE, ENHANCED

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel
    from zaohua.modalities.modality import Modality
    from zaohua.operators.degradation import Degradation

Count = Annotated[int, Between(1)]
Level = Annotated[float, Between(0)]
OUTPUT = (
    Flag(
        "out",
        str | None,
        None,
        "File or folder to write; a file's ending says its format. By default beside INPUT, with what was done in its "
        "name and a number if there is one.",
        metavar="OUTPUT",
    ),
    *WRITING,
)
"""Options of the files that are written."""
JSON = Flag("json", bool, False, "Print the result as JSON.")
COMMON = (
    *OUTPUT,
    Flag(
        "y",
        tuple[str, ...],
        (),
        "What INPUT shows, for a model with conditions, as `zaohua sample --y` takes it; by default unknown.",
        repeat=True,
        metavar="CONDITION",
    ),
    Flag(
        "samples",
        Count,
        1,
        "With more than one, write several answers, whose spread shows how sure the model is: OUTPUT-1, OUTPUT-2 ..., "
        "their mean, OUTPUT-mean, and a picture of where they differ, OUTPUT-differs.png. One is the best guess.",
    ),
    Flag("guesses", Count, 1, "The mean of more best guesses is closer to what was, and takes longer."),
    Flag("steps", Count, 50, "Steps from noise to an answer."),
    Flag("batch_size", Count | None, None, "Tiles that are computed at once, by default chosen by their size."),
    Flag("seed", Seed | None, None, "Seed: the same one gives the same answers."),
    JSON,
)
OWN_STEPS = ("steps", "sampler")
"""Options of models that restoration doesn't use: it has a sampler of its own."""
NOISE = Flag("noise", Level, 0.0, "Standard deviation of noise in INPUT, in its own units: 10 of 255 for 8 bits.")
"""Option of the commands whose input may be noisy."""


def with_noise(degradation: str, values: Options) -> str:
    """Add the noise of `NOISE` to a degradation."""
    noise = values.of("noise", float)
    return f"{degradation} | noise {noise:g}" if noise else degradation


SOURCES = dict.fromkeys(("deblur", "denoise", "declip", "declick", "resynthesise"), ENHANCED)
"""Digital source types of what commands make that correct what is there; others add what a model made."""
Degrading = Callable[[Options], "str | Degradation"]
"""Function that says from the options what happened to the files; empty if parts of them are missing, and no more."""


@dataclass(frozen=True)
class Restoration:
    """One command of restoration.

    Attributes:
        name: of the command.
        done: what is done to files, as their names say it: "denoised".
        about: what the command does, in a sentence.
        flags: its own options.
        degradations: what happened to the files, by the kind of data that it is for.
        prepare: makes the function that prepares files, see `Settings`, from the options and the kind of data.
        grey: True if only the brightness of pictures is used.
        undoes: names of the steps that it undoes: a run that was trained for one of them is taken at its word if no
            option of the command is given; "*" for all steps.
        unaided: True if files are prepared only for runs that weren't trained for it.
    """

    name: str
    done: str
    about: str
    flags: tuple[Flag, ...]
    degradations: Mapping[str, Degrading]
    prepare: Callable[[Options, str], Prepare] | None = None
    grey: bool = False
    undoes: tuple[str, ...] = ()
    unaided: bool = False

    def main(self, arguments: Sequence[str]) -> None:
        """Restore a file, or the files of a folder, as the arguments of the command say."""
        call, flags = f"zaohua {self.name} RUN INPUT", (*self.flags, *COMMON)
        names = "the run and the file or folder come"
        (run, source), rest = leading(arguments, names, f"{call} [options]", self.about, flags, 2)
        stored = runs.read_model(run)
        own = [flag for flag in sampling_flags(stored) if flag.name not in OWN_STEPS]
        values = parse(call, self.about, [*flags, *own], rest)
        kind = kind_of(self.name, run, stored, [*self.degradations])

        def settings() -> Settings:
            trained_for = self.trained_for(stored, values)
            return self._settings(run, values, kind.name, trained_for, [flag.name for flag in own])

        carry_out(self.name, self.done, kind, settings, Path(source), values, values.of("samples", int))

    def trained_for(self, stored: Json, values: Options) -> str | None:
        """Return what a run was trained to undo, if this command does that and is told of nothing else.

        Args:
            stored: `model.json` of the run.
            values: of the options.

        Returns:
            The degradation; "" for a run that was trained on pairs, which don't tell; None to go by the options.
        """
        from zaohua.operators.degradation import Degradation

        text = stored["parameters"].get("degrade")
        if any(values[flag.name] != flag.default for flag in self.flags):
            return None
        if not text:
            return "" if "*" in self.undoes and _of_pairs(stored) else None
        if "*" not in self.undoes and Degradation.parse(text).steps[0].name not in self.undoes:
            return None
        note(f"this run was trained to undo '{text}', which is taken to have happened")
        return str(text)

    def _settings(self, run: str, values: Options, kind: str, trained_for: str | None, own: Sequence[str]) -> Settings:
        """Return what is the same for all files; the model is loaded last, as it takes longest."""
        samples, guesses = values.of("samples", int), values.of("guesses", int)
        if samples > 1 and guesses > 1:
            raise ZaohuaError("--samples gives several answers and --guesses the mean of several: give one of them")
        from zaohua.operators.degradation import Degradation

        unprepared = self.prepare is None or (self.unaided and trained_for is not None)
        prepare = None if unprepared or self.prepare is None else self.prepare(values, kind)
        text = self.degradations[kind](values) if trained_for is None else trained_for
        degradation = Degradation.parse(text) if text else None
        model = trained(run)
        return Settings(
            model=model,
            degradation=degradation,
            y=condition(model, values.texts("y")),
            samples=samples,
            guesses=guesses,
            steps=values.of("steps", int),
            batch_size=values.optional("batch_size", int),
            seed=values.optional("seed", int),
            options={name: values[name] for name in own},
            prepare=prepare,
            grey=self.grey,
        )


def _of_pairs(stored: Json) -> bool:
    """Return True for a run that makes items of others of the same kind, such as whole pictures of damaged ones."""
    from zaohua import modalities

    given = stored.get("y_codec")
    return given is not None and modalities.from_json(given).modality == modalities.from_json(stored["codec"]).modality


def kind_of(name: str, run: str, stored: Json, kinds: Sequence[str]) -> Modality:
    """Return the kind of data of a run.

    Args:
        name: of the command.
        run: folder of the run.
        stored: its `model.json`.
        kinds: kinds of data that the command is for.
    """
    from zaohua import modalities

    kind = modalities.modality(modalities.from_json(stored["codec"]).modality)
    if kind.name not in kinds:
        raise ZaohuaError(f"{name} is for {' and '.join(kinds)}, and {run} is of {kind.name}")
    return kind


def trained(run: str) -> GenerativeModel:
    """Load the model of a run.

    Raises:
        CheckpointError: it isn't trained yet.
    """
    model: GenerativeModel = zaohua.load(run)
    return model


def carry_out(
    name: str,
    done: str,
    kind: Modality,
    settings: Callable[[], Settings],
    source: Path,
    values: Options,
    samples: int = 1,
) -> None:
    """Restore a file, or the files of a folder, and tell what was done.

    Args:
        name: of the command.
        done: what is done to files.
        kind: kind of data of the run.
        settings: makes what is the same for all files.
        source: file or folder.
        values: of `OUTPUT` and --json.
        samples: number of answers for each file.
    """
    began = time.perf_counter()
    with gathered() as notes:
        found = places(source, values.optional("out", str), kind, done, samples, values.of("overwrite", bool))
        writing, made = Writing(values, found.out, *(job.target for job in found.jobs)), settings()
        with writing.by(made.model, made.model.run_ or "", made.seed, SOURCES.get(name, COMPOSITE)):
            result = Work(name, done, made, found, notes, quiet=values.of("json", bool)).restore()
    seconds = time.perf_counter() - began
    if values["json"]:
        print(json.dumps({**result.facts(), "out": str(found.out), "notes": [*notes], "seconds": round(seconds, 3)}))
    else:
        echo(f"{result.told(found, done)} in {seconds:.1f} s: {result.place(found)}")


def condition(model: GenerativeModel, given: Sequence[str]) -> object:
    """Return the condition of the files that --y gives, as `restore` takes it; None without.

    Raises:
        ZaohuaError: the model takes none, or several are given.
    """
    if not given:
        return None
    if model.y_codec_ is None:
        raise ZaohuaError("this run was trained without conditions, so it can't take --y")
    found = given_conditions(model.y_codec_, given)
    if len(found.names) > 1:
        raise ZaohuaError(f"--y gives {len(found.names)} conditions: give one, which is that of all files")
    return found.found
