"""Run `zaohua push RUN org/name`: write a model to huggingface.co."""

from __future__ import annotations

import json
from collections.abc import Sequence

from zaohua.cli import runs
from zaohua.cli.flags import OVERWRITE, Flag, echo, leading, parse
from zaohua.core.errors import ZaohuaError

CALL = "zaohua push RUN org/name [options]"
ABOUT = "Write a model to huggingface.co: settings, weights and card, never checkpoints, previews or paths."
FLAGS = (
    Flag(
        "license",
        str | None,
        None,
        "Licence of the model, such as apache-2.0; by default that of the published model that it was made from.",
        metavar="NAME",
    ),
    Flag("dataset", tuple[str, ...], (), "A data set of the hub that it learnt from.", repeat=True, metavar="NAME"),
    Flag("tag", tuple[str, ...], (), "A word by which it is found.", repeat=True, metavar="WORD"),
    Flag("private", bool, False, "Create a repository that only its owners see."),
    OVERWRITE,
    Flag("json", bool, False, "Print the result as JSON."),
)


def main(arguments: Sequence[str]) -> None:
    """Write the model, and tell where it is."""
    (run, name), rest = leading(arguments, "the run and the name come", CALL, ABOUT, FLAGS, 2)
    values = parse("zaohua push RUN org/name", ABOUT, FLAGS, rest)
    runs.read_model(run)
    from zaohua.interop.pushing import Release, pushed
    from zaohua.storage.runs import load_model

    data, tensors = load_model(run)
    if tensors is None:
        raise ZaohuaError(f"{run} has no weights yet: its training was stopped early")
    release = Release(
        values.optional("license", str),
        values.texts("dataset"),
        values.texts("tag"),
        values.of("private", bool),
        values.of("overwrite", bool),
    )
    pinned = pushed(data, tensors, name, release)
    if values["json"]:
        print(json.dumps({"name": name, "pinned": pinned}))
    else:
        echo(f"written: https://huggingface.co/{name} ({pinned})")
