"""Collect the options of `zaohua train`: of every training, of the model, and of the codecs of its data."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from zaohua.cli import config, runs
from zaohua.cli.codec_flags import CodecFlags
from zaohua.cli.flags import CONDITIONS, CONFIG, DATA, MODALITY, TRAINING, Flag, from_fields, parse
from zaohua.cli.options import Options
from zaohua.cli.origins import ORIGIN
from zaohua.cli.parser import is_option
from zaohua.core import registry
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json, JsonValue
from zaohua.core.params import Between

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel

CALL = "zaohua train MODEL DATA [options]"
COMMON = (
    Flag("out", str | None, None, "Run folder; by default runs/MODEL-DATA, numbered if there is one.", metavar="RUN"),
    Flag("resume", bool, False, "Go on with the run; options given now replace those it was started with."),
    Flag(
        "base",
        str | None,
        None,
        "Fine-tune this run, which is of the same model: begin from its weights, with its settings and encoding.",
        metavar="RUN",
    ),
    Flag("overwrite", bool, False, "Replace the run that is in the folder; files that aren't the run's stay."),
    Flag("split", str, "train", "Split of a named data set.", group=DATA, metavar="NAME"),
    MODALITY,
    CONDITIONS,
    Flag(
        "labels",
        bool,
        True,
        "Condition on the labels that the data carry.",
        group=DATA,
        off="Ignore the labels that the data carry.",
    ),
    Flag(
        "evaluate_every",
        Annotated[int, Between(1)] | None,
        None,
        "Steps between two measures of 2,000 samples, which the history keeps (needs --validation-fraction).",
        group=TRAINING,
    ),
    dataclasses.replace(ORIGIN, off="Leave out of previews what made them."),
    *CONFIG,
    Flag("json", bool, False, "Print the result as JSON, and no progress."),
)
Y_CODEC: Json = {
    "help": "What to take conditions for: labels, tags (several labels for each item), numbers, texts, or a kind of "
    "data, such as images; of records each part and what it is (--y-codec caption texts age numbers). By default "
    "chosen from the data, and told.",
    "metavar": "NAME|PART NAME ...",
    "group": DATA,
}
"""The option of the field `y_codec`, as the command line has it."""
MOST_USED = (
    "max_steps",
    "max_minutes",
    "batch_size",
    "size",
    "y",
    "labels",
    "out",
    "resume",
    "random_state",
    "device",
    "config",
)
"""Options that people need first, in the order of the help."""


class Early:
    """What must be known before the options of the model are.

    Attributes:
        model: its name.
        data: what to learn from, or None.
        rest: the options.
        out, base, resume: the values of these options, given or from a file.
        help: whether help is asked for.
    """

    def __init__(self, arguments: Sequence[str]):
        places = list(itertools.takewhile(lambda argument: not is_option(argument), arguments[:2]))
        self.rest = list(arguments[len(places) :])
        path = runs.find_option("--config", self.rest)
        file = {} if path is None else config.load(path)
        for name in ("model", "data"):
            if not isinstance(file.get(name, ""), str):
                raise ZaohuaError(f"{path}: {name} must be a text, not {file[name]!r}")
        named = file.get("model")
        if not places and named is None:
            raise ZaohuaError(f"the model and the data come first: {CALL}")
        self.model = places[0] if places else str(named)
        if named is not None and registry.find(self.model) != registry.find(str(named)):
            raise ZaohuaError(f"{path}: has options of {named}, not of {self.model}")
        data = places[1] if len(places) > 1 else file.get("data")
        self.data = None if data is None else str(data)
        self.out, self.base = (self._text(name, file) for name in ("out", "base"))
        resume = file.get("resume") is True and "--no-resume" not in self.rest
        self.resume = "--resume" in self.rest or resume
        self.help = bool({"-h", "--help"} & set(self.rest))

    def _text(self, name: str, file: dict[str, object]) -> str | None:
        """Return an option as given, else as in the file; None if it is no text (`parse` tells of the mistake)."""
        value = runs.find_option(f"--{name}", self.rest) or file.get(name)
        return value if isinstance(value, str) and value.casefold() != "none" else None


def typed_codec(option: JsonValue) -> str | dict[str, str] | None:
    """Return the choice of the codec of conditions in a `model.json` as it is typed; None if it was an object."""
    if isinstance(option, dict):
        options = option.get("options")
        parts = options.get("parts") if isinstance(options, dict) else None
        if not isinstance(parts, dict) or not all(isinstance(name, str) for name in parts.values()):
            return None
        return {part: str(name) for part, name in parts.items()}
    return option if isinstance(option, str) else None


class TrainFlags:
    """The flags of training a model.

    Attributes:
        own: those of the model's fields.
        of_data: those of the codecs of its data.
        all: these and those that every training has.
        titles: of groups of the help that are to have others than usual.
    """

    def __init__(self, cls: type[GenerativeModel], stored: Json | None):
        from zaohua.cli.groups import group_of, titles_of
        from zaohua.core.params import fields_of
        from zaohua.modalities import taken_by

        self.titles, fields = titles_of(cls), fields_of(cls)
        parameters, option = (stored or {}).get("parameters", {}), (stored or {}).get("codec_option")
        # runs of older versions also hold the fields of the machine
        kept = {name: value for name, value in parameters.items() if name not in cls.machine_fields}
        kept["y_codec"] = typed_codec((stored or {}).get("y_codec_option"))
        unneeded = ["codec"] if cls.conditional else ["codec", "y_codec"]
        own = from_fields(fields, kept, leave_out=unneeded, group=lambda name: group_of(cls, fields[name]))
        changes: dict[str, Json] = {"random_state": {"short": ("--seed",)}, "y_codec": Y_CODEC}
        self.own = [dataclasses.replace(flag, **changes.get(flag.name, {})) for flag in own]
        taken = [codec.stored_name() for _, codec in taken_by(cls.codec_types)]  # those of other packages, too
        self.of_data = CodecFlags(taken, [flag.name for flag in (*COMMON, *own)], option)
        common = [flag for flag in COMMON if flag.name != "evaluate_every" or hasattr(cls, "resume")]
        self.all = [*common, *self.own, *self.of_data.flags]

    def parse(self, prog: str, about: str, arguments: Sequence[str]) -> Options:
        """Return the values of all flags, by name; `prog` and `about` are for the help."""
        return parse(prog, about, self.all, arguments, first=MOST_USED, titles=self.titles, also=("model", "data"))
