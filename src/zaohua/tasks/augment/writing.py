"""The augmented data with their weights, the results as JSON, and their page."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from zaohua.modalities.pairs import take
from zaohua.modalities.reading import write
from zaohua.storage import outputs
from zaohua.storage.atomic import encoded, replace_file
from zaohua.storage.provenance.origin import HasOrigin, Origin
from zaohua.tasks.augment.page import page_of
from zaohua.tasks.augment.results import Augmentation, AugmentedData

WEIGHT, SOURCE = "sample_weight", "source"
"""Names of the columns of weights, and of what a row is: real or synthetic."""
RESULTS, PAGE, TABLE, WEIGHTS = "results.json", "index.html", "augmented.csv", "weights.csv"
"""Names of the files."""


def write_augmentation(
    found: Augmentation, out: str | Path, column: str | None, origin: Origin | HasOrigin | None, overwrite: bool = False
) -> Path:
    """Write augmented data with weights, the results and their page to a folder.

    A table is one CSV with a column of weights. Pictures and sounds are files in `real` and `synthetic`, and
    `weights.csv` names the label and the weight of each.

    Args:
        found: the results.
        out: the folder.
        column: name of the column of labels.
        origin: what the files say of what made the samples.
        overwrite: whether to replace a folder with such files.

    Returns:
        The folder.

    Raises:
        ZaohuaError: the folder holds other files, or can't be written.
    """
    folder = Path(out)
    outputs.check(folder, overwrite, folder=True)
    folder.mkdir(parents=True, exist_ok=True)
    if hasattr(found.data.real.items, "columns"):
        _write_table(found.data, folder / TABLE, column or "label", origin)
    else:
        _write_files(found.data, folder, origin, overwrite)
    replace_file(folder / RESULTS, encoded(json.dumps(found.to_json(), indent=1, ensure_ascii=False)))
    replace_file(folder / PAGE, encoded(page_of(found)))
    return folder


def table_of(data: AugmentedData, column: str) -> Any:
    """Return real and synthetic rows as one table, with columns of labels, of weights and of what each row is."""
    import pandas as pd

    names = free_names([*data.real.items.columns, column])
    parts = []
    for part, weight, source in ((data.real, 1.0, "real"), (data.made, data.each, "synthetic")):
        rows = part.items.copy()
        rows[column] = part.y
        rows[names[0]], rows[names[1]] = weight, source
        parts.append(rows)
    return pd.concat(parts, ignore_index=True)


def free_names(taken: list[str]) -> tuple[str, str]:
    """Return names for the two new columns that a table doesn't have yet."""

    def free(name: str) -> str:
        return next(each for k in range(len(taken) + 1) if (each := name if not k else f"{name}_{k + 1}") not in taken)

    return free(WEIGHT), free(SOURCE)


def _write_table(data: AugmentedData, path: Path, column: str, origin: Origin | HasOrigin | None) -> None:
    table = table_of(data, column)
    order = [name for name in data.real.items.columns if name in table.columns]
    order += [name for name in table.columns if name not in order]
    write(table[order], path, modality="tables", origin=origin)


def _write_files(data: AugmentedData, folder: Path, origin: Origin | HasOrigin | None, overwrite: bool) -> None:
    lines = [("file_name", "label", WEIGHT, SOURCE)]
    for part, weight, name in ((data.real, 1.0, "real"), (data.made, data.each, "synthetic")):
        inside = folder / name
        write(
            take(part.items, np.arange(len(part))),
            f"{inside}/",
            y=list(part.y),
            overwrite=overwrite,
            origin=origin if name == "synthetic" else None,
        )
        files = sorted(path for path in inside.iterdir() if path.suffix.lower() in (".png", ".wav"))
        lines += [(f"{name}/{file.name}", str(y), f"{weight:.6g}", name) for file, y in zip(files, part.y, strict=True)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    replace_file(folder / WEIGHTS, encoded(text.getvalue()))
