"""Run `zaohua fill RUN TEXT`: fill in the marked gaps of a text, or of a file of texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import zaohua
from zaohua.cli import runs
from zaohua.cli.flags import Flag, Seed, echo, leading, parse
from zaohua.cli.origins import COMPOSITE, WRITING, Writing
from zaohua.cli.sample import sampling_flags
from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between
from zaohua.modalities.base import counted, file_names
from zaohua.storage import outputs

CALL = "zaohua fill RUN TEXT [options]"
ABOUT = "Fill in the gaps of a text, which are marked ___; of a file, each text is filled in."
Count = Annotated[int, Between(1)]
FLAGS = (
    Flag("gap", str, "___", "The mark of a gap; of ___, more of them are one gap, too.", metavar="TEXT"),
    Flag("length", Count | None, None, "Number of characters in each gap; by default any."),
    Flag("longest", Count, 60, "Maximum number of characters in a gap without a length."),
    Flag("samples", Count, 1, "How many answers; of a single text only."),
    Flag("y", str | None, None, "Condition of the texts, of a model that was trained with conditions."),
    Flag("seed", Seed | None, None, "Seed: the same one fills in the same."),
    Flag("out", str | None, None, "A file to write the texts to, or a folder for each; by default printed."),
    *WRITING,
    Flag("json", bool, False, "Print the result as JSON."),
)
OWN = ("prompt", "suffix", "stop", "beams", "max_tokens")
"""Options of `zaohua sample` that have no meaning for gaps."""


def main(arguments: Sequence[str]) -> None:
    """Fill in, and print or write the texts."""
    (run, given), rest = leading(arguments, "the run and the text come", CALL, ABOUT, FLAGS, 2)
    flags = [flag for flag in sampling_flags(runs.read_model(run)) if flag.name not in OWN]
    values = parse("zaohua fill RUN TEXT", ABOUT, [*FLAGS, *flags], rest)
    out, overwrite = values.optional("out", str), values.of("overwrite", bool)
    if out is not None:
        outputs.check(Path(out), overwrite, folder=not Path(out).suffix)
    writing = Writing(values, None if out is None else Path(out))
    model = zaohua.load(run)
    texts: list[str] | str = given
    if Path(given).exists():
        items, _ = zaohua.read(given, modality="texts")
        texts = list(items)
    elif Path(given).suffix in (".txt", ".jsonl", ".json") and values.of("gap", str) not in given:
        raise ZaohuaError(f"{given}: there is no such file")
    found = zaohua.fill(
        model,
        texts,
        gap=values.of("gap", str),
        length=values.optional("length", int),
        longest=values.of("longest", int),
        n_samples=values.of("samples", int),
        y=values.optional("y", str),
        random_state=values.optional("seed", int),
        **{flag.name: values[flag.name] for flag in flags},
    )
    answers = [answer for sample in found.samples for answer in ([sample] if isinstance(sample, str) else sample)]
    if out is not None:
        with writing.by(model, run, values.optional("seed", int), COMPOSITE):
            if Path(out).suffix:
                model.codec_.write_sheet(answers, Path(out), None, None)
            else:
                with outputs.whole_folder(Path(out), overwrite) as temporary:
                    model.codec_.write(answers, temporary, file_names(len(answers)))
    if values["json"]:
        print(json.dumps({"texts": found.samples, "how": found.how, "out": out}))
    elif out is not None:
        echo(f"{counted(len(answers), 'text')} filled in ({found.how}): {out}")
    else:
        print(f"\n{'-' * 40}\n".join(answers))
        echo(f"({found.how})")
