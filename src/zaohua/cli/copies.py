"""Run `zaohua copies RUN`: tell how much of what a model of texts writes is copied from its training text."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import zaohua
from zaohua.cli import runs
from zaohua.cli.flags import Flag, Seed, leading, parse
from zaohua.cli.sample import sampling_flags
from zaohua.core.params import Between

if TYPE_CHECKING:
    from zaohua.metrics.text_overlap import TextOverlap

CALL = "zaohua copies RUN [options]"
ABOUT = "Tell how much of what a model writes is copied from its training text, and how much of held-out text is."
COMMON = (
    Flag("n", Annotated[int, Between(1)], 32, "Texts to sample.", short=("-n",)),
    Flag("length", Annotated[int, Between(1)], 30, "Characters in a row that count as copied, at least."),
    Flag("data", str | None, None, "Training text, if it is no longer where it was.", metavar="DATA"),
    Flag(
        "held_out", str | None, None, "Text to compare with; by default what was held out of training.", metavar="DATA"
    ),
    Flag("seed", Seed | None, None, "Seed of the samples."),
    Flag("json", bool, False, "Print the result as JSON."),
)


def main(arguments: Sequence[str]) -> None:
    """Sample texts, look them up in the training text, and print what was found."""
    (run,), rest = leading(arguments, "the run comes", CALL, ABOUT, COMMON)
    flags = sampling_flags(runs.read_model(run))
    values = parse("zaohua copies RUN", ABOUT, [*COMMON, *flags], rest)
    from zaohua.tasks.copying import copy_report

    model = zaohua.load(run)
    model.set_params(**{flag.name: values[flag.name] for flag in flags})
    report = copy_report(
        model,
        data=values["data"],
        held_out=values["held_out"],
        n=values.of("length", int),
        n_samples=values.of("n", int),
        random_state=values.optional("seed", int),
    )
    if values["json"]:
        print(json.dumps(dataclasses.asdict(report), ensure_ascii=False))
        return
    print(f"training text    {report.corpus}")
    rows = [(f"{values['n']} samples", report.samples)]
    if report.real is not None:
        rows.append((f"held out ({report.reference})", report.real))
    width = max(len(name) for name, _ in rows)
    for name, found in rows:
        print(f"{name:<{width}}  {_told(found)}")
    print(f"longest in the samples: {report.samples.example!r}")


def _told(found: TextOverlap) -> str:
    return (
        f"{found.fraction:.2%} of {found.characters:,} characters copied, {found.n} or more in a row; "
        f"{found.longest} in a row at most"
    )
