"""Describe the options of a command: each is one `Flag`, made by hand or from a field of a model or a codec."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from zaohua.cli.parser import is_option, parse
from zaohua.cli.values import bounds_of
from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between, restored

if TYPE_CHECKING:
    from zaohua.core.params import Field

__all__ = [
    "CONFIG",
    "DATA",
    "MODALITY",
    "NETWORK",
    "OVERWRITE",
    "RUN",
    "SAMPLING",
    "TRAINING",
    "Flag",
    "Seed",
    "echo",
    "from_fields",
    "given",
    "leading",
    "parse",
]

DATA, NETWORK, TRAINING, SAMPLING, RUN = "data", "network", "training", "sampling", "run"
"""Groups of options in the help."""
Seed = Annotated[int, Between(0)]
"""Type of a seed."""


@dataclasses.dataclass(frozen=True)
class Flag:
    """One option of a command.

    Attributes:
        name: in snake case; on the command line it is spelt with dashes.
        type: of its value.
        default: its value when it isn't given.
        help: what it does, or what its value is.
        short: other spellings, such as "-n".
        repeat: whether it may be given more than once (its type is a tuple then).
        field: the field that it sets.
        group: the part of the help in which it is listed.
        metavar: what stands for its value in the help; by default its type says.
        off: of one that is on by default, what `--no-NAME` does.
    """

    name: str
    type: object
    default: object = None
    help: str = ""
    short: tuple[str, ...] = ()
    repeat: bool = False
    field: Field | None = None
    group: str = RUN
    metavar: str = ""
    off: str = ""

    @property
    def option(self) -> str:
        """Return the long spelling, such as --max-steps."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def spellings(self) -> list[str]:
        """List the spellings that the help shows; for a flag that is on by default, the one that turns it off."""
        if len(self.name) == 1 and f"-{self.name}" in self.short:
            return list(self.short)
        off = self.type is bool and self.default
        return [f"--no-{self.option[2:]}" if off else self.option, *self.short]

    @property
    def accepted(self) -> list[str]:
        """List everything that sets this flag on a command line."""
        both = [f"--no-{self.option[2:]}"] if self.type is bool else []
        return list(dict.fromkeys([*self.spellings, self.option, *both]))

    @property
    def bounds(self) -> Between | None:
        """Return the bounds of its value, or None."""
        return bounds_of(self.type) if self.field is None else self.field.bounds

    @property
    def text(self) -> str:
        """Write what the spelling that the help shows does: for a flag that is on by default, what it turns off."""
        if self.type is bool and self.default:
            return self.off or f"Turn off: {_small(self.help.removeprefix('Whether '))}"
        return self.help


CONFIG = (
    Flag(
        "config",
        str | None,
        None,
        "Take options from a .yaml or .json file, as --print-config writes it; those given here go before it.",
        metavar="FILE",
    ),
    Flag(
        "print_config", bool, False, "Print all options and their values as a file for --config, and do nothing else."
    ),
)
"""Options of the commands that read their options from a file."""
MODALITY = Flag(
    "modality",
    str | None,
    None,
    "Kind of data to take DATA for, such as images or tables; by default it is found out.",
    group=DATA,
    metavar="NAME",
)
"""Option of the commands that read data of any kind."""
CONDITIONS = Flag(
    "y",
    str | None,
    None,
    "What to condition on: a folder of files with the same names as DATA's, a table that names these, a file or data "
    "set of as many items, or a column of a table; by default what DATA carries.",
    group=DATA,
    metavar="DATA",
)
"""Option of the commands that read items with what belongs to them."""
OVERWRITE = Flag(
    "overwrite", bool, False, "Replace the file that is there, or the files of a folder that zaohua wrote."
)
"""Option of the commands that write what people ask for, see `storage.outputs`."""


def from_fields(
    fields: Mapping[str, Field],
    values: Mapping[str, object] | None = None,
    *,
    leave_out: Iterable[str] = (),
    taken: Iterable[str] = (),
    prefix: str = "",
    group: Callable[[str], str] = lambda name: RUN,
) -> list[Flag]:
    """Make a flag for each field.

    Args:
        fields: by name, as `fields_of` gives them.
        values: defaults that replace the fields' own, such as those of a stored model.
        leave_out: names of fields that get no flag.
        taken: names that other flags have; a field of that name gets the prefix.
        prefix: such as "image_".
        group: the group of the help that a field belongs to, by its name.
    """
    flags, left_out, others = [], set(leave_out), set(taken)
    for name, field in fields.items():
        if name not in left_out:
            default = restored(field, (values or {}).get(name, field.default))
            flag = (prefix if name in others else "") + name
            repeat = field.type in (tuple[str, ...], tuple[str, ...] | None, tuple[str, ...] | str)
            flags.append(Flag(flag, field.type, default, field.help, repeat=repeat, field=field, group=group(name)))
    return flags


def leading(
    arguments: Sequence[str], names: str, call: str, about: str, flags: Sequence[Flag], count: int = 1
) -> tuple[list[str], list[str]]:
    """Split the arguments of a command into those that stand before its options, and the options.

    If help is asked for instead, print it and end.

    Args:
        arguments: of the command.
        names: what comes first, such as "the run comes".
        call: how the command is called, with "[options]" at its end.
        about: what it does.
        flags: its options, as far as they are known before the first arguments are looked at.
        count: how many come first.

    Raises:
        ZaohuaError: some are missing.
    """
    first = list(arguments[:count])
    if len(first) < count or any(map(is_option, first)):
        if not {"-h", "--help"} & set(arguments):
            raise ZaohuaError(f"{names} first: {call}")
        parse(call.removesuffix(" [options]"), about, flags, ["--help"])
    return first, list(arguments[count:])


def given(values: Mapping[str, object], flags: Iterable[Flag]) -> dict[str, object]:
    """Collect the values that differ from the defaults of their flags, by the names of the fields."""
    return {flag.field.name: values[flag.name] for flag in flags if flag.field and values[flag.name] != flag.default}


def _small(text: str) -> str:
    """Begin a text with a small letter, unless its first word is an abbreviation."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def echo(line: str) -> None:
    """Print a line for people on stderr, where it doesn't mix with results."""
    print(line, file=sys.stderr)
