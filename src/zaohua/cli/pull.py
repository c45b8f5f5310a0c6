"""Run `zaohua pull org/name`: save a model of huggingface.co as a run."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from zaohua.cli import runs
from zaohua.cli.flags import Flag, echo, leading, parse

CALL = "zaohua pull org/name[@revision] [options]"
ABOUT = "Save a model of huggingface.co as a run, which remembers its name and its revision."
FLAGS = (
    Flag(
        "out", str | None, None, "Folder of the run; by default runs/NAME, numbered if there is one.", metavar="FOLDER"
    ),
    Flag("json", bool, False, "Print the result as JSON."),
)


def main(arguments: Sequence[str]) -> None:
    """Fetch and save the model, and tell where it is."""
    (name,), rest = leading(arguments, "the name comes", CALL, ABOUT, FLAGS)
    values = parse("zaohua pull org/name[@revision]", ABOUT, FLAGS, rest)
    from zaohua.interop.pushing import pull
    from zaohua.storage.outputs import numbered

    stem = re.sub(r"[^\w.-]+", "-", name.partition("@")[0].rpartition("/")[2]) or "model"
    out = Path(values.optional("out", str) or numbered(Path("runs") / stem))
    pull(name, out)
    hub = runs.read_model(out).get("hub", name)
    if values["json"]:
        print(json.dumps({"run": str(out), "hub": hub}))
    else:
        echo(f"{out}: {hub}")
