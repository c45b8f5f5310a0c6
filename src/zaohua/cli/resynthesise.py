"""Run `zaohua resynthesise RUN INPUT`: make sounds anew from their spectrograms, by a vocoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zaohua.cli import runs
from zaohua.cli.flags import leading, parse
from zaohua.cli.restoration.command import JSON, OUTPUT, carry_out, kind_of, trained
from zaohua.cli.restoration.work import Settings

if TYPE_CHECKING:
    import numpy as np

    from zaohua.cli.restoration.watch import Watch
    from zaohua.tasks.restore.restored import Restored

CALL = "zaohua resynthesise RUN INPUT"
ABOUT = "Make sounds of any length anew from their spectrograms, by a vocoder or the one of a model of spectrograms."
FLAGS = (*OUTPUT, JSON)


def main(arguments: Sequence[str]) -> None:
    """Make a file, or the files of a folder, anew."""
    names = "the run and the file or folder come"
    (run, source), rest = leading(arguments, names, f"{CALL} [options]", ABOUT, FLAGS, 2)
    values = parse(CALL, ABOUT, FLAGS, rest)
    kind = kind_of("resynthesise", run, runs.read_model(run), ["sounds"])
    carry_out("resynthesise", "resynthesised", kind, lambda: Resynthesis(trained(run)), Path(source), values)


@dataclass(frozen=True)
class Resynthesis(Settings):
    """What is the same for all files: the model alone."""

    def restored(self, item: Any, seen: np.ndarray | None, watch: Watch) -> Restored:
        """Make one sound anew."""
        from zaohua.tasks.restore.restored import Restored
        from zaohua.tasks.resynthesis import resynthesise

        made = resynthesise(self.model, [item], watch)
        return Restored(made, [made], None, f"By the vocoder of this {type(self.model).__name__}.")
