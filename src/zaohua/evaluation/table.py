"""Tables of a comparison for pages and terminals: texts of the cells, and values to sort by."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zaohua.evaluation.comparison import Comparison
from zaohua.evaluation.measures import measure_of, sorted_names
from zaohua.evaluation.references import LITTLE
from zaohua.evaluation.results import FLOOR, Evaluation, Figure, Figures
from zaohua.evaluation.summaries import between, shown, title_of, withheld
from zaohua.report.numbers import digits


@dataclass(frozen=True)
class TableColumn:
    """A column of a table.

    Attributes:
        name: identifier.
        title: title of the column.
        better: "lower", "higher" or "none".
        about: definition, in one line.
    """

    name: str
    title: str
    better: str
    about: str


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: formatted number.
        value: number to sort by, or None.
        around: formatted interval.
        note: kind of the number.
        best: True for the best of all models.
    """

    text: str = "–"
    value: float | None = None
    around: str = ""
    note: str = ""
    best: bool = False


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        name: name of the run or of the reference.
        model: class name of the model; empty for a reference.
        cells: one cell per column.
        reference: True for a reference, False for a model.
    """

    name: str
    model: str
    cells: list[Cell]
    reference: bool = False


@dataclass(frozen=True)
class Table:
    """A table with its references first.

    Attributes:
        columns: columns from left to right, without the names of the rows.
        rows: rows from top to bottom.
    """

    columns: list[TableColumn]
    rows: list[Row]


def quality(comparison: Comparison, names: Sequence[str] | None = None) -> Table:
    """Make the table of all measures, of the models and of the references.

    Args:
        comparison: the models.
        names: the measures to show, as far as any model has them.
    """
    rows = comparison.rows
    references = dict(sorted(rows[0].references.items(), key=lambda item: item[0] != FLOOR))
    measured = sorted_names({name for row in rows for name in row.figures})
    names = measured if names is None else [name for name in names if name in measured]
    best = {name: _best(name, rows) for name in names}

    def cells(figures: Figures, row: Evaluation | None = None) -> list[Cell]:
        return [_cell(name, found, row, best[name]) if (found := figures.get(name)) else Cell() for name in names]

    columns = [
        TableColumn(name, title_of(name, rows[0]), measure_of(name).better, measure_of(name).about) for name in names
    ]
    return Table(
        columns,
        [Row(name, "", cells(figures), True) for name, figures in references.items()]
        + [Row(row.run, row.model, cells(row.figures, row)) for row in rows],
    )


def _cell(name: str, figure: Figure, row: Evaluation | None, best: float | None) -> Cell:
    """Make the cell of a figure, of a model or (row is None) of a reference."""
    if row is None or name not in row.doubtful:
        text = shown(name, figure, interval=False)
        return Cell(text, figure.value, between(name, figure), figure.note, row is not None and figure.value == best)
    if withheld(name, row):
        return Cell("n/a", note=LITTLE)
    return Cell(shown(name, figure, interval=False), figure.value, between(name, figure), LITTLE)


def _best(name: str, rows: Sequence[Evaluation]) -> float | None:
    """Find the best figure of all models, unless the measure has no better side or all models are equal."""
    values = [row.figures[name].value for row in rows if name in row.figures]
    if measure_of(name).better == "none" or min(values) == max(values):
        return None
    return min(values) if measure_of(name).better == "lower" else max(values)


Number = tuple[TableColumn, Callable[[Evaluation], float | None], Callable[[float], str]]
COSTS: tuple[Number, ...] = (
    (
        TableColumn("training_seconds", "training, s", "lower", "wall time of training"),
        lambda row: row.cost.training_seconds,
        digits,
    ),
    (TableColumn("parameters", "parameters", "none", "numbers learnt"), lambda row: row.cost.parameters, "{:,}".format),
    (
        TableColumn("network_evaluations", "evaluations", "lower", "calls of a network that one sample takes"),
        lambda row: row.cost.network_evaluations,
        "{:,}".format,
    ),
    (
        TableColumn("milliseconds", "ms per sample", "lower", "time that one sample takes, in a batch"),
        lambda row: row.cost.milliseconds,
        digits,
    ),
    (
        TableColumn("real_time", "× real time", "higher", "seconds of sound that it makes in a second, in a batch"),
        lambda row: row.cost.real_time,
        digits,
    ),
    (
        TableColumn("peak_memory", "memory, MiB", "lower", "most memory of the process while it sampled"),
        lambda row: row.cost.peak_memory and row.cost.peak_memory / 2**20,
        "{:,.0f}".format,
    ),
)
"""Costs of a model: the column, the value and its format."""


def costs(comparison: Comparison) -> Table:
    """Make the table of the costs of each model, with the columns that have values."""
    known = [cost for cost in COSTS if any(cost[1](row) is not None for row in comparison.rows)]
    return Table(
        [column for column, _, _ in known],
        [
            Row(
                row.run,
                row.model,
                [Cell() if (value := of(row)) is None else Cell(write(value), value) for _, of, write in known],
            )
            for row in comparison.rows
        ],
    )


def remarks(notes: Sequence[str], rows: Sequence[Evaluation]) -> list[tuple[str, str]]:
    """List the notes on a comparison and the flags of its models.

    Args:
        notes: remarks on the whole comparison.
        rows: the models.

    Returns:
        For each remark the names of the models that it is about ("all" for every one, empty for the whole
        comparison), and what it says.
    """
    flags: dict[str, list[str]] = {}
    for row in rows:
        for flag in row.flags:
            flags.setdefault(flag, []).append(row.run)
    flagged = [(", ".join(runs) if len(runs) < len(rows) else "all", flag) for flag, runs in flags.items()]
    return [("", note) for note in notes] + flagged


def distances(comparison: Comparison) -> Table | None:
    """Make the table of Fréchet distances in the features of other extractors, if there are any."""
    rows = comparison.rows
    names = list(dict.fromkeys(name for row in rows for name in row.others))
    if not names:
        return None
    columns = [TableColumn("frechet", title_of("frechet", rows[0]), "lower", rows[0].extractor)]
    columns += [TableColumn(name, f"FD[{name.partition(',')[0]}]", "lower", name) for name in names]
    body = []
    for row in rows:
        values = [row.figures["frechet"].value, *(row.others.get(name) for name in names)]
        body.append(Row(row.run, row.model, [Cell() if v is None else Cell(digits(v), v) for v in values]))
    return Table(columns, body)


@dataclass(frozen=True)
class ClassTable:
    """Table of fractions by class, with darker cells for larger fractions.

    Attributes:
        title: title of the table.
        note: explanation below the table.
        names: names of the classes.
        rows: name of each model, and its fraction or None for each class.
    """

    title: str
    note: str
    names: list[str]
    rows: list[tuple[str, list[float | None]]]


def classes(rows: Sequence[Evaluation]) -> list[ClassTable]:
    """Make the tables of recall and of accuracy by class, of models that have them."""
    noun = rows[0].noun
    found = [
        _class_table(
            "Recall by class",
            f"Fraction of the test {noun} of a class within the manifold of samples. A faint column is a difficult "
            "class; a faint cell is a class that a model omits. Blurred samples raise recall: read it with precision.",
            {row.run: row.recall_by_class for row in rows if "recall" not in row.doubtful},
        ),
        _class_table(
            "Accuracy by class",
            "Fraction of the samples of a class that the classifier assigns to it.",
            {row.run: row.accuracy_by_class for row in rows},
        ),
    ]
    return [one for one in found if one.rows]


def _class_table(title: str, note: str, fractions: dict[str, dict[str, float]]) -> ClassTable:
    names = list(dict.fromkeys(name for of_model in fractions.values() for name in of_model))
    return ClassTable(
        title,
        note,
        names,
        [
            (run, [value if math.isfinite(value := of_model.get(name, math.nan)) else None for name in names])
            for run, of_model in fractions.items()
            if of_model
        ],
    )
