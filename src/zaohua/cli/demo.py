"""Run `zaohua demo`: train one model of each family, and write a page that shows how they compare."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from zaohua.cli.flags import Flag, echo, parse
from zaohua.core.params import Between
from zaohua.storage import outputs

if TYPE_CHECKING:
    from zaohua.demo import Result

FLAGS = (
    Flag(
        "out",
        str | None,
        None,
        "Folder for the page and the runs, new or empty; by default demo, numbered if there is one.",
        metavar="FOLDER",
    ),
    Flag("minutes", Annotated[float, Between(above=0)], 4.0, "Minutes for all of it, on two cores."),
)
ABOUT = (
    "Train one model of each family on the built-in digits, one on sounds and one on texts, measure them, and "
    "write a page that shows how they compare."
)


def main(arguments: Sequence[str]) -> None:
    """Run the demo, print the table, and tell where the page is."""
    values = parse("zaohua demo", ABOUT, FLAGS, arguments)
    minutes = values.of("minutes", float)
    from zaohua import demo
    from zaohua.demo import report
    from zaohua.training.callbacks.progress import Progress

    chosen = values.optional("out", str)
    out = Path(chosen) if chosen else outputs.numbered(Path("demo"))
    outputs.check(out, folder=True)
    echo(f"{len(demo.PLANS)} models on {demo.DATA}, one on sounds and one on texts, about {minutes:g} minutes")
    study = demo.run(out, minutes, watch=lambda name: Progress(f"{name:<10}"))
    path = report.write(study, out)
    show(study.results)
    sounding = study.sounding
    print(f"\n{sounding.name}, of sounds: {sounding.recognised:.1%} recognised ({', '.join(sounding.kinds)})")
    print(f"\n{study.writing.name}, of texts: {study.writing.samples[0][1]}\n")
    echo(f"in {study.seconds / 60:.1f} minutes; open {os.path.relpath(path)} in a browser")


def show(results: Sequence[Result]) -> None:
    """Print the table of measures."""
    from rich.console import Console
    from rich.table import Table

    from zaohua.demo.report import cells, header

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, (title, unit) in enumerate(header()):
        table.add_column(f"{title}\n[dim]{unit}", justify="left" if column == 0 else "right", no_wrap=True)
    for result in results:
        row = [f"{text} [dim]{small}" if small else text for text, small in cells(result)]
        table.add_row(*row, style="dim" if result.reference else None)
    Console(width=None if sys.stdout.isatty() else 140).print(table)
