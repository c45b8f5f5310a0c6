"""Run `zaohua impute RUN FILE`: fill in the missing cells of a table, as the model finds them likely."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import zaohua
from zaohua.cli import runs
from zaohua.cli.flags import OVERWRITE, Flag, Seed, echo, leading, parse
from zaohua.core.errors import ZaohuaError
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
    OVERWRITE,
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
    path = path if out or overwrite else outputs.numbered(path)
    model.codec_.sheet_writer(path)  # an ending that can't be is told at once
    if path.exists() and Path(data).exists() and path.samefile(data):
        raise ZaohuaError(f"{path} is the table itself: give another --out")
    outputs.check(path, overwrite)
    with reading(**model.codec_.reading()):
        table, _ = zaohua.read(data, split=values.optional("split", str), modality="tables")
    filled = impute(table, random_state=values.optional("seed", int))
    cells = int(table.isna().to_numpy().sum())
    left = int(filled.isna().to_numpy().sum())
    model.codec_.write_sheet(filled, path)
    if values["json"]:
        print(json.dumps({"out": str(path), "rows": len(filled), "filled": cells - left, "left": left}))
    else:
        rest_of = f", {left:,} left" if left else ""
        echo(f"{cells - left:,} missing cells of {len(filled):,} rows filled in{rest_of}: {path}")
