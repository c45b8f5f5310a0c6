"""The tables of a comparison, for a page as for a terminal: what each cell says, and by what it is sorted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zaohua.evaluation.comparison import Comparison
from zaohua.evaluation.measures import MEASURES, measure_of
from zaohua.evaluation.results import FLOOR, Evaluation, Figures
from zaohua.evaluation.summaries import between, shown, title_of
from zaohua.report.numbers import digits


@dataclass(frozen=True)
class TableColumn:
    """A column.

    Attributes:
        name: by which it is found.
        title: above it.
        better: "lower", "higher" or "none".
        about: what it is, in a line.
    """

    name: str
    title: str
    better: str
    about: str


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes:
        text: the number, as people read it.
        value: the same to sort by; None where there is none.
        around: its interval.
        note: what kind of number it is.
        best: whether it is the best of the models.
    """

    text: str = "–"
    value: float | None = None
    around: str = ""
    note: str = ""
    best: bool = False


@dataclass(frozen=True)
class Row:
    """A row: its name, the class of the model, what it says in each column, and whether it only frames the others."""

    name: str
    model: str
    cells: list[Cell]
    reference: bool = False


@dataclass(frozen=True)
class Table:
    """A table: its columns, and its rows, the references first."""

    columns: list[TableColumn]
    rows: list[Row]


def quality(comparison: Comparison, names: Sequence[str] | None = None) -> Table:
    """The measures of all models and of both references.

    Args:
        comparison: of which.
        names: measures to show, of those that occur; all when not given.
    """
    rows = comparison.rows
    references = dict(sorted(rows[0].references.items(), key=lambda item: item[0] != FLOOR))
    names = [name for name in (MEASURES if names is None else names) if any(name in row.figures for row in rows)]
    best = {name: _best(name, rows) for name in names}

    def cells(figures: Figures, model: bool = True) -> list[Cell]:
        return [
            Cell(
                shown(name, found, interval=False),
                found.value,
                between(name, found),
                found.note,
                model and found.value == best[name],
            )
            if (found := figures.get(name))
            else Cell()
            for name in names
        ]

    columns = [
        TableColumn(name, title_of(name, rows[0]), measure_of(name).better, measure_of(name).about) for name in names
    ]
    return Table(
        columns,
        [Row(name, "", cells(figures, False), True) for name, figures in references.items()]
        + [Row(row.run, row.model, cells(row.figures)) for row in rows],
    )


def _best(name: str, rows: Sequence[Evaluation]) -> float | None:
    """The best figure of the models, where one may be called so and they aren't all alike."""
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
"""What a model costs: the column, its value, and how that is written."""


def costs(comparison: Comparison) -> Table:
    """What each model costs, as far as that is known of any."""
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
