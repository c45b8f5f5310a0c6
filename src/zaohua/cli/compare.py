"""Run `zaohua compare RUN RUN ...`: tell which of several models is better, and write a page that shows it."""

from __future__ import annotations

import itertools
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zaohua.cli import runs
from zaohua.cli.evaluate import FLAGS as EVALUATE
from zaohua.cli.evaluate import Lines
from zaohua.cli.flags import OVERWRITE, Flag, echo, parse
from zaohua.core.errors import ZaohuaError
from zaohua.storage import outputs

if TYPE_CHECKING:
    from zaohua.evaluation.comparison import Comparison

PROG = "zaohua compare RUN RUN ..."
ABOUT = "Measure several models in the same way, tell which is better where the figures allow it, and write a page."
FLAGS = (
    *(flag for flag in EVALUATE if flag.name not in ("seeds", "json")),
    Flag("out", str | None, None, "Page to write; by default compare.html, numbered if there is one.", metavar="FILE"),
    OVERWRITE,
    Flag("json", bool, False, "Print all figures as JSON, and no progress."),
)
COLUMNS = (
    "frechet",
    "precision",
    "recall",
    "diversity",
    "accuracy",
    "copy_rate",
    "tree_score",
    "trend",
    "shape",
    "utility_auc",
    "utility_r2",
    "closest",
    "row_copies",
    "log_likelihood",
    "bits_per_sample",
    "bits_per_byte",
    "nats_per_note",
    "nats_per_piece",
    "copied",
    "copied_notes",
)
"""Measures that the table in the terminal shows; the page has all."""
COSTS = ("training_seconds", "milliseconds", "real_time")


def main(arguments: Sequence[str]) -> None:
    """Compare the runs, write the page, and print the main figures."""
    folders = list(itertools.takewhile(lambda argument: not argument.startswith("-"), arguments))
    options = arguments[len(folders) :]
    if len(folders) < 2 and not {"-h", "--help"} & set(options):
        raise ZaohuaError(f"at least two runs come first: {PROG} [options]")
    values = parse(PROG, ABOUT, FLAGS, options)
    for run in folders:
        runs.read_model(run)
    chosen, overwrite = values.optional("out", str), values.of("overwrite", bool)
    out = Path(chosen or "compare.html")
    out = out if chosen or overwrite else outputs.numbered(out)
    outputs.check(out, overwrite)
    from zaohua.evaluation import summaries
    from zaohua.tasks.evaluation import page
    from zaohua.tasks.evaluation.compare import compare

    found = compare(
        folders,
        data=values["data"],
        split=values.optional("split", str),
        train=values["train"],
        samples=values.of("samples", int),
        random_state=values.of("seed", int),
        log=None if values["json"] else Lines(),
        inception=values["inception"],
        target=values["target"],
    )
    page.write(found, out, shlex.join(["zaohua", "compare", *(part for part in arguments if part != "--json")]))
    said = summaries.verdict(found)
    if values["json"]:
        print(json.dumps({**found.to_json(), "verdict": said, "page": str(out)}))
        return
    show(found)
    print("\n" + "\n".join([*said, *(f"note: {note}" for note in found.notes)]))
    echo(f"open {os.path.relpath(out)} in a browser")


def show(comparison: Comparison) -> None:
    """Print the main measures and costs."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from zaohua.evaluation import table

    found, costs = table.quality(comparison, COLUMNS), table.costs(comparison)
    places = [i for i, column in enumerate(costs.columns) if column.name in COSTS]
    spent = {row.name: [row.cells[i].text for i in places] for row in costs.rows}
    view = Table(box=None, pad_edge=False, header_style="bold")
    view.add_column("model")
    for column in [*found.columns, *(costs.columns[i] for i in places)]:
        view.add_column(escape(column.title), justify="right")
    for row in found.rows:
        texts = [f"[b]{cell.text}[/b]" if cell.best else cell.text for cell in row.cells]
        for i, (column, cell) in enumerate(zip(found.columns, row.cells, strict=True)):
            small = cell.around if column.name == comparison.lead else cell.note
            texts[i] += f" [dim]{escape(small)}[/dim]" if small else ""
        texts += ["–" for _ in places] if row.reference else spent[row.name]
        view.add_row(escape(row.name), *texts, style="dim" if row.reference else None)
    Console(width=None if sys.stdout.isatty() else 160).print(view)
