"""`zaohua benchmark SUITE`: every model of a kind with the same minutes, and a page that compares them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from zaohua.cli.flags import Flag, leading, parse
from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between

CALL = "zaohua benchmark SUITE [options]"
ABOUT = "Train every model of a suite for the same time, measure all, and write pages. Run it again to go on."
FLAGS = (
    Flag("out", str, "benchmark", "Folder for the runs and the pages."),
    Flag("minutes", Annotated[float, Between(above=0)], 10.0, "Training of each model."),
    Flag("samples", int, 10_000, "Samples to measure by.", short=("-n",)),
    Flag("models", str | None, None, "Only these, with commas between."),
    Flag("data", str | None, None, "Only these data sets, with commas between."),
    Flag("seed", int, 0, "Of training and sampling, the first."),
    Flag("seeds", int, 1, "Trainings of each model, with seeds that follow each other: means, with intervals."),
)


def main(arguments: Sequence[str]) -> None:
    """Run the suite, tell where its summary is."""
    (name,), rest = leading(arguments, "the suite comes", CALL, ABOUT, FLAGS)
    values = parse("zaohua benchmark SUITE", ABOUT, FLAGS, rest)
    if not values["minutes"] > 0:
        raise ZaohuaError(f"--minutes must be above 0, not {values['minutes']:g}")
    from zaohua.cli.evaluate import Lines
    from zaohua.tasks.evaluation.suites import benchmark
    from zaohua.training.callbacks.progress import Progress

    chosen = {option: values[option].split(",") if values[option] else None for option in ("models", "data")}
    print(
        benchmark(
            name,
            Path(values["out"]),
            values["minutes"],
            Progress,
            samples=values["samples"],
            random_state=values["seed"],
            seeds=values["seeds"],
            log=Lines(),
            **chosen,
        )
    )
