"""Run `zaohua augment RUN`: tell whether samples of a model help a classifier, and write the augmented data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import zaohua
from zaohua.cli import runs
from zaohua.cli.flags import OVERWRITE, Flag, Seed, echo, leading, parse
from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between
from zaohua.storage import outputs

CALL = "zaohua augment RUN [options]"
ABOUT = (
    "Tell whether samples of a model help a classifier that learns from few labelled items: from these alone, with "
    "duplicates, with classical augmentation, with samples, and measured by held-out items. Writes the augmented data "
    "with their weights, the figures and a page."
)
FLAGS = (
    Flag("label", str | None, None, "Column of a table that holds the labels.", metavar="COLUMN"),
    Flag("data", str | None, None, "Data to augment; by default what the model was trained on.", metavar="DATA"),
    Flag(
        "test",
        str | None,
        None,
        "Held-out items with labels; by default the test split of the data, else a quarter of them is held out.",
        metavar="DATA",
    ),
    Flag(
        "classifier",
        Literal["trees", "linear", "network"] | None,
        None,
        "Classifier: trees (default) or linear for tables, a small network for pictures and sounds.",
    ),
    Flag(
        "metric",
        Literal["auc", "accuracy", "f1"] | None,
        None,
        "Measure; by default AUC for two classes of a table, accuracy for classes of about the same size, else F1.",
    ),
    Flag(
        "n",
        Annotated[int, Between(4)] | None,
        None,
        "Labelled items that each seed draws; by default all.",
        short=("-n",),
    ),
    Flag("unlabelled", bool, False, "Let models learn the items that aren't drawn without their labels."),
    Flag(
        "samples",
        Annotated[int, Between(1)] | None,
        None,
        "Samples; by default as many as real items, and 2,000 at least.",
    ),
    Flag(
        "guidance", tuple[float, ...], (), "A guidance weight to choose from; may be given several times.", repeat=True
    ),
    Flag("seeds", Annotated[int, Between(3)], 5, "Paired repetitions, over which the interval is."),
    Flag("folds", Annotated[int, Between(2)], 4, "Folds of the training items on which the weight is chosen."),
    Flag(
        "refit",
        Literal["folds", "seeds", "never"],
        "folds",
        "When the model is trained anew: in each fold, for each seed only, or never (as it is, which is said loudly).",
    ),
    Flag("seed", Seed, 0, "Seed of everything."),
    Flag(
        "out",
        str | None,
        None,
        "Folder to write to; by default RUN/augmented, numbered if there is one.",
        metavar="FOLDER",
    ),
    OVERWRITE,
    Flag("json", bool, False, "Print the result as JSON, and no progress."),
)


def main(arguments: Sequence[str]) -> None:
    """Compare, write and print the verdict."""
    (run,), rest = leading(arguments, "the run comes", CALL, ABOUT, FLAGS)
    values = parse("zaohua augment RUN", ABOUT, FLAGS, rest)
    runs.read_model(run)
    out, overwrite = (
        Path(values.optional("out", str) or runs.place_for(run) / "augmented"),
        values.of("overwrite", bool),
    )
    out = out if values["out"] or overwrite else outputs.numbered(out)
    outputs.check(out, overwrite, folder=True)
    from zaohua.tasks.augment.comparing import augment
    from zaohua.tasks.augment.writing import write_augmentation

    model, column = zaohua.load(run), values.optional("label", str)
    if column is None and model.y_codec_ is None:
        raise ZaohuaError(f"{run} was trained without labels: say which column holds them (--label)")
    guidance: Any = values["guidance"]
    chosen: dict[str, Any] = {name: values[name] for name in ("metric", "refit")}
    found = augment(
        model,
        values["data"],
        True if column is None and values["data"] is not None else None,
        label=column,
        test=values["test"],
        n=values.optional("n", int),
        unlabelled=values.of("unlabelled", bool),
        classifier=values.optional("classifier", str),
        metric=chosen["metric"],
        options=[{"guidance": weight} for weight in guidance] or [{}],
        n_samples=values.optional("samples", int),
        seeds=values.of("seeds", int),
        n_folds=values.of("folds", int),
        refit=chosen["refit"],
        random_state=values.of("seed", int),
        log=None if values["json"] else echo,
    )
    write_augmentation(found, out, column, model, overwrite)
    if values["json"]:
        print(json.dumps({**found.to_json(), "out": str(out)}, ensure_ascii=False))
    else:
        print("\n".join([*found.lines(), f"written to {out}"]))
