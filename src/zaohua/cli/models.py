"""Run `zaohua models`: print the table of models without importing any of them."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence

from zaohua.core import registry
from zaohua.core.errors import unknown

USAGE = """usage: zaohua models [--json | --markdown]

List the models, the data they take and what they can do.

  --json      Print the list as JSON.
  --markdown  Print the Markdown table of the README."""


def main(arguments: Sequence[str]) -> None:
    """Print the table, or what `--json` and `--markdown` ask for."""
    for argument in arguments:
        if argument not in ("--json", "--markdown", "-h", "--help"):
            raise unknown("option" if argument.startswith("-") else "argument", argument, ["--json", "--markdown"])
    if {"-h", "--help"} & set(arguments):
        print(USAGE)
    elif "--json" in arguments:
        print(json.dumps([dataclasses.asdict(entry) for entry in registry.entries()], indent=1))
    elif "--markdown" in arguments:
        print(registry.markdown())
    else:
        show()


def show() -> None:
    """Print the table for people: in colour on a terminal, plain text elsewhere."""
    from rich.console import Console
    from rich.table import Table

    header, rows = registry.table()
    table = Table(box=None, pad_edge=False, header_style="bold")
    rows = [["✓" if cell == "yes" else cell for cell in row] for row in rows]
    for column, title in enumerate(header):
        width = max(len(row[column]) for row in [header, *rows])
        table.add_column(title, style="cyan" if column == 0 else None, min_width=width, no_wrap=True)
    table.add_column("what it is", overflow="ellipsis", no_wrap=True, style="dim")
    for row, entry in zip(rows, registry.entries(), strict=True):
        table.add_row(*row, entry.summary)
    Console(width=None if sys.stdout.isatty() else 160).print(table)
