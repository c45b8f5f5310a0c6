"""Run `zaohua anomalies RUN INPUT`: tell where pictures or sounds differ from what a model expects."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import zaohua
from zaohua.cli import runs
from zaohua.cli.conditions import read_conditions
from zaohua.cli.flags import Flag, Seed, echo, leading, parse
from zaohua.cli.origins import MEASURED, WRITING, Writing
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note
from zaohua.core.params import Between
from zaohua.modalities.base import counted
from zaohua.storage import outputs

if TYPE_CHECKING:
    import numpy as np

    from zaohua.estimator.base import GenerativeModel
    from zaohua.tasks.anomalies import Anomalies

CALL = "zaohua anomalies RUN INPUT [options]"
ABOUT = "Tell where pictures or sounds differ from what a model expects, given the rest of them."
Count = Annotated[int, Between(1)]
ENDINGS = (".png", ".csv", ".npz")
SHOWN = 10
"""Number of items that are printed."""
FLAGS = (
    Flag(
        "out",
        str | None,
        None,
        "A .png of each item beside its map (bright: it differs), a .csv of scores, or an .npz of maps and scores. By "
        "default INPUT-anomalies.png beside INPUT, numbered if there is one.",
        metavar="PATH",
    ),
    *WRITING,
    Flag("y", str | None, None, "What all items show, for a model with conditions.", metavar="CONDITION"),
    Flag("block", Count | None, None, "Side of the blocks that are hidden; by default a quarter of the model's side."),
    Flag("guesses", Count, 4, "Number of restorations whose mean is what is expected."),
    Flag("steps", Count, 25, "Steps of each restoration."),
    Flag("seed", Seed | None, None, "Seed: the same one gives the same map."),
    Flag("json", bool, False, "Print the result as JSON."),
)


def main(arguments: Sequence[str]) -> None:
    """Find the anomalies, write them, and print the items with the highest scores."""
    (run, data), rest = leading(arguments, "the run and the input come", CALL, ABOUT, FLAGS, 2)
    values = parse("zaohua anomalies RUN INPUT", ABOUT, FLAGS, rest)
    runs.read_model(run)
    chosen, overwrite = values.optional("out", str), values.of("overwrite", bool)
    out = Path(chosen or f"{Path(data).with_suffix('')}-anomalies.png")
    if out.suffix not in ENDINGS:
        raise ZaohuaError(f"{out}: anomalies are written to a {', '.join(ENDINGS)} file")
    out = out if chosen or overwrite else outputs.numbered(out)
    outputs.check(out, overwrite)
    writing = Writing(values, out)
    model = zaohua.load(run)
    from zaohua.tasks.anomalies import anomalies

    names, items = _read(model, data)
    y = None if values["y"] is None else read_conditions(model, (values.of("y", str),), 1, None, None).y
    found = anomalies(
        model,
        items,
        y=None if y is None else y[0],
        block=values.optional("block", int),
        n_samples=values.of("guesses", int),
        steps=values.of("steps", int),
        random_state=values.optional("seed", int),
    )
    with writing.by(model, run, values.optional("seed", int), MEASURED):
        _write(model, names, items, found, out)
    order = found.scores.argsort()[::-1]
    if values["json"]:
        scores = {names[i]: float(found.scores[i]) for i in order}
        print(json.dumps({"out": str(out), "scores": scores, "how": found.how}))
        return
    for i in order[:SHOWN]:
        print(f"{found.scores[i]:10.4g}  {names[i]}")
    echo(f"{found.how} {counted(len(names), 'item')}: {out}")


def _read(model: GenerativeModel, data: str) -> tuple[list[str], Any]:
    """Read items as the model does, and return their names beside them."""
    from zaohua.modalities.files.items import FileItems
    from zaohua.modalities.reading_options import reading

    with reading(**model.codec_.reading()):
        X, _ = zaohua.read(data)
    parts = model.codec_.parts(X)
    encoded = model.encode_items(X)
    items = model.decode_tensors(model.prepare_items(encoded).x)
    if not isinstance(parts, FileItems) or len(parts) != len(encoded):
        return [f"item {i}" for i in range(len(encoded))], items
    whole = parts.n_read
    if len(parts) > whole:
        cut = f"{whole:,} items were cut into {len(parts):,} {parts.noun}"
        note(f"{cut}, as this model learnt: each is judged by itself")
    return list(parts.paths), items


def _write(model: GenerativeModel, names: Sequence[str], items: Any, found: Anomalies, out: Path) -> None:
    """Write maps or scores to a file."""
    import numpy as np

    if out.suffix == ".csv":
        import pandas as pd

        with outputs.whole_file(out) as temporary:
            pd.DataFrame({"item": names, "score": found.scores}).to_csv(temporary, index=False)
    elif out.suffix == ".npz":
        with outputs.whole_file(out) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, map=found.map, scores=found.scores, items=np.array(names))
    else:
        _draw(model, items, found.map, out)


def _draw(model: GenerativeModel, items: Any, maps: np.ndarray, out: Path) -> None:
    """Draw maps, and beside each the picture that it is of."""
    import numpy as np

    from zaohua.modalities.images.codec import ImageCodec
    from zaohua.modalities.images.grid import visible
    from zaohua.report.sheets import grid, save

    if maps.ndim != 3:
        raise ZaohuaError(f"{out}: maps of waves are written to a .csv or .npz file")
    shown = np.rint(255 * maps / max(float(maps.max()), 1e-9)).astype(np.uint8)
    if not isinstance(model.codec_, ImageCodec):
        save(grid(shown[:, ::-1], 1), out)  # high frequencies are up
        return
    pixels = visible(items, model.codec_.grid_, np.uint8)
    pixels = pixels.reshape(*maps.shape, -1)
    both = np.stack([pixels, np.broadcast_to(shown[..., None], pixels.shape)], axis=1)
    both = both.reshape(-1, *pixels.shape[1:])
    save(grid(both[..., 0] if both.shape[-1] == 1 else both, 2), out)
