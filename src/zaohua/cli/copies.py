"""`zaohua copies RUN`: how much of what a model of texts writes stands word for word in what it was trained on."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import zaohua
from zaohua.cli import runs
from zaohua.cli.flags import Flag, leading, parse
from zaohua.cli.sample import sampling_flags
from zaohua.core.errors import ZaohuaError

CALL = "zaohua copies RUN [options]"
ABOUT = "How much of what a model writes stands word for word in its training text, and how much of held-out text does."
COMMON = (
    Flag("n", int, 32, "Samples to draw.", short=("-n",)),
    Flag("length", int, 30, "Characters from which a run counts as copied."),
    Flag("data", str | None, None, "Training text, if it isn't any more where it was."),
    Flag("held_out", str | None, None, "Text to compare with; by default what training didn't see."),
    Flag("seed", int | None, None, "Seed of the samples."),
    Flag("json", bool, False, "Print the result as JSON."),
)


def main(arguments: Sequence[str]) -> None:
    """Draw samples, look them up, and tell."""
    (run,), rest = leading(arguments, "the run comes", CALL, ABOUT, COMMON)
    flags = sampling_flags(runs.read_model(run))
    values = parse("zaohua copies RUN", ABOUT, [*COMMON, *flags], rest)
    if values["n"] < 1 or values["length"] < 1:
        raise ZaohuaError("-n and --length must be at least 1")
    from zaohua.modalities.texts.copying import copy_report

    model = zaohua.load(run)
    model.set_params(**{flag.name: values[flag.name] for flag in flags})
    report = copy_report(
        model,
        data=values["data"],
        held_out=values["held_out"],
        n=values["length"],
        n_samples=values["n"],
        random_state=values["seed"],
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


def _told(found: Any) -> str:
    return (
        f"{found.fraction:.2%} of {found.characters:,} characters in runs of {found.n} or more; "
        f"the longest has {found.longest}"
    )
