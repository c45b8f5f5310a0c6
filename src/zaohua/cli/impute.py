"""Run `zaohua impute RUN FILE`: fill in the missing cells of a table, as the model finds them likely."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import zaohua
from zaohua.cli import runs
from zaohua.cli.flags import Flag, Seed, echo, leading, parse
from zaohua.cli.origins import COMPOSITE, WRITING, Writing
from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between
from zaohua.modalities.base import counted
from zaohua.modalities.reading_options import reading
from zaohua.storage import outputs

CALL = "zaohua impute RUN FILE [options]"
ABOUT = "Fill in the missing cells of a table: each is drawn given the other cells of its row."
FLAGS = (
    Flag(
        "out",
        str | None,
        None,
        "A .csv or .parquet to write; by default FILE-imputed.csv beside the file, numbered if there is one.",
        metavar="PATH",
    ),
    *WRITING,
    Flag(
        "draws",
        Annotated[int, Between(1)] | None,
        None,
        "Fill in the table this many times, for multiple imputation: to files with -1, -2 ... before their ending.",
    ),
    Flag("split", str | None, None, "Split of a named data set to fill in.", metavar="NAME"),
    Flag("seed", Seed | None, None, "Seed: the same one fills in the same values."),
    Flag("json", bool, False, "Print the result as JSON."),
)


def main(arguments: Sequence[str]) -> None:
    """Read the table, fill it in, and write it."""
    (run, data), rest = leading(arguments, "the run and the table come", CALL, ABOUT, FLAGS, 2)
    values = parse("zaohua impute RUN FILE", ABOUT, FLAGS, rest)
    runs.read_model(run)
    from zaohua.modalities.tables.codec import TableCodec

    model = zaohua.load(run)
    if not isinstance(model.codec_, TableCodec):
        raise ZaohuaError(f"impute is for models of tables, and {run} is a {type(model).__name__}")
    impute = model.impute  # before the table is read: an error for a model that can't
    out, overwrite = values.optional("out", str), values.of("overwrite", bool)
    path = Path(out or f"{Path(data).with_suffix('')}-imputed.csv")
    draws = values.optional("draws", int)
    path = path if out or overwrite or draws else outputs.numbered(path)
    paths = [path] if draws is None else [path.with_stem(f"{path.stem}-{draw}") for draw in range(1, draws + 1)]
    for each in paths:
        model.codec_.sheet_writer(each)  # an ending that can't be is told at once
        if each.exists() and Path(data).exists() and each.samefile(data):
            raise ZaohuaError(f"{each} is the table itself: give another --out")
        outputs.check(each, overwrite)
    writing = Writing(values, *paths)
    with reading(**model.codec_.reading()):
        table, _ = zaohua.read(data, split=values.optional("split", str), modality="tables")
    tables = impute(table, n_draws=len(paths), random_state=values.optional("seed", int))
    cells = int(table.isna().to_numpy().sum())
    left = int(tables[0].isna().to_numpy().sum())
    with writing.by(model, run, values.optional("seed", int), COMPOSITE):
        for each, filled in zip(paths, tables, strict=True):
            model.codec_.write_sheet(filled, each)
    names: str | list[str] = str(path) if draws is None else [str(each) for each in paths]
    if values["json"]:
        print(json.dumps({"out": names, "rows": len(table), "filled": cells - left, "left": left}))
    else:
        rest_of = f", {left:,} left" if left else ""
        times = "" if draws is None else f" {counted(draws, 'time')}"
        where = str(paths[0]) if len(paths) == 1 else f"{paths[0]} ... {paths[-1].name}"
        echo(f"{cells - left:,} missing cells of {len(table):,} rows filled in{times}{rest_of}: {where}")
