"""Run `zaohua fit-distribution FILE --column X`: find the distribution that describes a column of numbers."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from zaohua.cli.flags import OVERWRITE, Flag, Seed, echo, leading, parse
from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.params import Between
from zaohua.storage import outputs

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from zaohua.tasks.distributions import Ranking

CALL = "zaohua fit-distribution FILE --column X [options]"
ABOUT = "Fit every distribution that can describe a column of numbers, or one, and rank them by how well they fit."
FLAGS = (
    Flag("column", str | None, None, "Name of the column; may be left out if there is only one.", metavar="NAME"),
    Flag("distribution", str | None, None, "Fit only this one, such as gamma or kernel-density.", metavar="NAME"),
    Flag("by", Literal["aic", "bic"], "aic", "Criterion of the ranking."),
    Flag(
        "out",
        str | None,
        None,
        "Write a picture of the best one: histogram with its curve, and a Q-Q plot.",
        metavar="FILE",
    ),
    OVERWRITE,
    Flag("path", bool, False, "Draw the path of the optimiser into the picture, too."),
    Flag("replicates", Annotated[int, Between(0)], 200, "Data sets to simulate for each p value; 0 makes no tests."),
    Flag("seed", Seed, 0, "Seed of the simulated data sets."),
    Flag("json", bool, False, "Print the result as JSON."),
)


def main(arguments: Sequence[str]) -> None:
    """Read the column, fit the distributions, print the ranking, and draw the best one."""
    (file,), rest = leading(arguments, "the file comes", CALL, ABOUT, FLAGS)
    values = parse("zaohua fit-distribution FILE", ABOUT, FLAGS, rest)
    if values["path"] and not values["out"]:
        raise ZaohuaError("--path is drawn into a picture: give --out picture.png, too")
    out = None if values["out"] is None else Path(values.of("out", str))
    if out is not None:
        from zaohua.tasks import distribution_plots

        distribution_plots.check_suffix(out)
        outputs.check(out, values.of("overwrite", bool))
    from zaohua.tasks import distributions

    column, numbers = read_column(file, values.optional("column", str))
    one = values.optional("distribution", str)
    models = None if one is None else [distributions.find(one)]
    try:
        ranking = distributions.rank(
            numbers,
            models=models,
            by="aic" if values["by"] == "aic" else "bic",
            replicates=values.of("replicates", int),
            random_state=values.of("seed", int),
        )
    except ZaohuaError as error:
        reason = str(error).removeprefix(f"column {column!r} ")
        raise ZaohuaError(f"{file}, column {column!r}: {reason}") from None
    if values["json"]:
        print(json.dumps({"file": file, "column": column, **ranking.to_json()}))
    else:
        show(ranking)
    if out is not None:
        figure = distribution_plots.picture(
            ranking.best, distributions.as_numbers(numbers), column, values.of("path", bool)
        )
        echo(f"wrote {distribution_plots.save(figure, out)}")


def read_column(file: str, name: str | None) -> tuple[str, ArrayLike]:
    """Read the name and the values of a column of a file or a data set.

    Raises:
        ZaohuaError: there is no such table or column, or several columns and none is named.
    """
    from zaohua import modalities

    frame, _ = modalities.read(file)
    if not hasattr(frame, "columns"):
        raise ZaohuaError(f"{file}: is no table: give a .csv, .tsv or .parquet with column names")
    columns = list(map(str, frame.columns))
    if name is None and len(columns) > 1:
        raise ZaohuaError(f"{file} has {len(columns)} columns ({', '.join(columns[:20])}): name one with --column")
    name = columns[0] if name is None else name
    if name not in columns:
        raise unknown(f"column of {file}:", name, columns)
    return name, present(numbers_of(frame[frame.columns[columns.index(name)]]))


def numbers_of(cells: ArrayLike) -> ArrayLike:
    """Return the numbers of a column of texts such as "4,211.54"; leave other columns as they are."""
    import pandas as pd

    from zaohua.modalities.tables import written

    return written.as_numbers(cells) if isinstance(cells, pd.Series) and written.is_text(cells) else cells


def present(cells: ArrayLike) -> ArrayLike:
    """Leave missing cells of a column out, and note how many they are."""
    import numpy as np
    import pandas as pd

    from zaohua.core.notes import note

    missing = np.asarray(pd.isna(cells))
    if not missing.any() or missing.all():
        return cells
    note(f"left out {int(missing.sum()):,} of {len(missing):,} cells that are missing")
    rest: ArrayLike = pd.Series(cells)[~missing]
    return rest


def show(ranking: Ranking) -> None:
    """Print the ranking as a table, and why other distributions aren't in it."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("distribution", "parameters", "AIC", "BIC", "p", "test"):
        numeric = title in ("AIC", "BIC", "p")
        table.add_column(title, justify="right" if numeric else "left", no_wrap=title != "parameters")
    for fit in ranking.fits:
        test = fit.goodness
        criteria = ["–" if value is None else f"{value:.1f}" for value in (fit.aic, fit.bic)]
        parameters = "  ".join(f"{name} {value:.5g}" for name, value in fit.numbers.items())
        table.add_row(fit.name, parameters, *criteria, *(("–", "") if test is None else (f"{test.p:.3f}", test.test)))
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    for text in ranking.notes:
        print(f"note: {text}")
    if ranking.left_out:
        print("\nnot fitted:")
        for reason in ranking.left_out.values():
            print(f"  {reason}")
