"""Tables of a comparison as HTML, whose headers sort them; what they leave out, and what is to be known of it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from zaohua.evaluation import table
from zaohua.evaluation.results import Evaluation
from zaohua.report.markup import minus

ARROWS = {"lower": "↓", "higher": "↑", "none": ""}


def html(found: table.Table, by: str = "") -> str:
    """A table whose headers sort it."""
    head = "".join(_header(column, column.name == by) for column in found.columns)
    bodies = [[_row(row) for row in found.rows if row.reference is reference] for reference in (True, False)]
    return (
        '<div class="scroll"><table class="sortable"><thead><tr><th scope="col" aria-sort="none"><button>model'
        f"</button></th>{head}</tr></thead>"
        + "".join(f"<tbody>{''.join(body)}</tbody>" for body in bodies if body)
        + "</table></div>"
    )


def _header(column: table.TableColumn, sorted_by: bool) -> str:
    arrow = f'&nbsp;<i title="{column.better} is better">{ARROWS[column.better]}</i>' if column.better != "none" else ""
    order = {"higher": "descending"}.get(column.better, "ascending") if sorted_by else "none"
    title, bracket, inside = escape(column.title).partition("[")
    return (
        f'<th scope="col" aria-sort="{order}" data-better="{column.better}"><button title="{escape(column.about)}">'
        f"{title}{arrow}{f'<small>{bracket}{inside}</small>' if bracket else ''}</button></th>"
    )


def _row(row: table.Row) -> str:
    small = f"<small>{escape(row.model)}</small>" if row.model.lower() not in ("", row.name.lower()) else ""
    return (
        f'<tr{" class=reference" if row.reference else ""}><th scope="row">{escape(row.name)}{small}</th>'
        + "".join(map(_cell, row.cells))
        + "</tr>"
    )


def _cell(cell: table.Cell) -> str:
    text = f"<b>{minus(cell.text)}</b>" if cell.best else minus(cell.text)
    small = "".join(f"<small>{part}</small>" for part in (minus(cell.around), escape(cell.note)) if part)
    value = "" if cell.value is None else f' data-value="{cell.value!r}"'
    return f"<td{value}>{text}{small}</td>"


def remarks(notes: Sequence[str], rows: Sequence[Evaluation]) -> str:
    """What is to be known about a comparison, and about some of its models, as a list."""
    listed = [escape(note) for note in notes]
    flags: dict[str, list[str]] = {}
    for row in rows:
        for flag in row.flags:
            flags.setdefault(flag, []).append(row.run)
    listed += [
        f"<b>{escape(', '.join(runs)) if len(runs) < len(rows) else 'all'}</b>: {escape(flag)}"
        for flag, runs in flags.items()
    ]
    if not listed:
        return '<p class="note">No flags: nothing about the samples looked odd.</p>'
    return f'<ul class="notes">{"".join(f"<li>{line}</li>" for line in listed)}</ul>'
