"""Run `zaohua read DATA`: tell what data are taken for, and every doubt about them, without training anything."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from zaohua.cli import runs
from zaohua.cli.codec_flags import CodecFlags
from zaohua.cli.flags import CONDITIONS, DATA, MODALITY, Flag, leading, parse
from zaohua.cli.options import Options
from zaohua.cli.reading import at_length, told
from zaohua.modalities.reading_options import READING, reading

if TYPE_CHECKING:
    from zaohua.tasks.describing import Reader

CALL = "zaohua read DATA [options]"
ABOUT = "Tell what data are taken for and every doubt about them, as `zaohua train` reads them; nothing is trained."
FLAGS = (
    Flag("split", str, "train", "Split of a named data set or of a folder.", group=DATA, metavar="NAME"),
    MODALITY,
    CONDITIONS,
    Flag(
        "labels", bool, True, "Read the labels that the data carry.", group=DATA, off="Ignore labels that data carry."
    ),
    Flag("json", bool, False, "Print the facts as JSON."),
)


def main(arguments: Sequence[str]) -> None:
    """Print what the data are taken for."""
    of_data = CodecFlags(_usual_codecs(), [flag.name for flag in FLAGS], None)
    flags = [*FLAGS, *of_data.flags]
    (data,), rest = leading(arguments, "the data come", CALL, ABOUT, flags)
    values = parse("zaohua read DATA", ABOUT, flags, rest)
    with told(quiet=True) as read:
        reader = _read(data, of_data, values)
    if values["json"]:
        print(json.dumps({"data": data, **read.facts}))
    else:
        print(at_length(read.facts, reader.codec_.about(reader.n_items_ or 0)))


def _read(data: str, of_data: CodecFlags, values: Options) -> Reader:
    """Read and encode the data as training does."""
    from zaohua.tasks.describing import Reader

    split, modality = values.of("split", str), values.optional("modality", str)
    with reading(**{name: values[name] for name in READING if values.get(name) is not None}):
        codec = of_data.codec(data, split, values)
        X, y, kind = runs.read(data, split, values.of("labels", bool), modality, y=values.optional("y", str))
        return Reader(codec=codec, random_state=0).fit(X, y, modality=kind)


def _usual_codecs() -> list[str]:
    """Return the stored names of the usual codec of each kind of data that can be learnt."""
    from zaohua.modalities import known

    return [kind.codecs[0].stored_name() for kind in known() if kind.name != "labels"]
