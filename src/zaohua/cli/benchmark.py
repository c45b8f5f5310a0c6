"""Run `zaohua benchmark SUITE`: train every model of a suite for the same time, and write pages that compare them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from zaohua.cli.flags import Flag, Seed, leading, parse
from zaohua.core.params import Between

CALL = "zaohua benchmark SUITE [options]"
ABOUT = (
    "Train every model of a suite for the same time, measure all, and write pages. Call it again to go on after a stop."
)
FLAGS = (
    Flag("out", str, "benchmark", "Folder for the runs and the pages.", metavar="FOLDER"),
    Flag("minutes", Annotated[float, Between(above=0)], 10.0, "Minutes of training for each model."),
    Flag("samples", int, 10_000, "Samples to measure each model by.", short=("-n",)),
    Flag("models", str | None, None, "Train only these models, with commas between.", metavar="NAMES"),
    Flag("data", str | None, None, "Use only these data sets, with commas between.", metavar="NAMES"),
    Flag("seed", Seed, 0, "Seed of the first training of each model, and of its samples."),
    Flag("seeds", int, 1, "Trainings of each model, each with the next seed; figures are their means, with intervals."),
)


def main(arguments: Sequence[str]) -> None:
    """Run the suite, and tell where its summary is."""
    (name,), rest = leading(arguments, "the suite comes", CALL, ABOUT, FLAGS)
    values = parse("zaohua benchmark SUITE", ABOUT, FLAGS, rest)
    from zaohua.cli.evaluate import Lines
    from zaohua.tasks.evaluation.suites import benchmark
    from zaohua.training.callbacks.progress import Progress

    chosen = {option: _listed(values.optional(option, str)) for option in ("models", "data")}
    print(
        benchmark(
            name,
            Path(values.of("out", str)),
            values.of("minutes", float),
            Progress,
            samples=values.of("samples", int),
            random_state=values.of("seed", int),
            seeds=values.of("seeds", int),
            log=Lines(),
            **chosen,
        )
    )


def _listed(names: str | None) -> list[str] | None:
    """Split names at their commas."""
    return names.split(",") if names else None
