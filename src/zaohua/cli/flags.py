"""Command-line flags made from fields: tyro does the parsing and the help, mistakes come out as one line."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Union, get_args

from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.params import Field, check_field, type_name


@dataclasses.dataclass(frozen=True)
class Flag:
    """One argument of a command.

    Attributes:
        name: in snake case; the flag is the same in kebab case.
        type: of its value, as tyro reads it.
        default: its value when it isn't given.
        help: one line.
        short: other spellings, such as "-n".
        repeat: whether it may be given more than once (its type is a tuple then).
        field: the field it sets, whose bounds are checked.
    """

    name: str
    type: Any
    default: Any = None
    help: str = ""
    short: tuple[str, ...] = ()
    repeat: bool = False
    field: Field | None = None

    @property
    def spellings(self) -> list[str]:
        """Everything that sets this flag on a command line."""
        kebab = self.name.replace("_", "-")
        return [f"--no-{kebab}" if self.type is bool and self.default else f"--{kebab}", *self.short]


def from_fields(
    fields: Mapping[str, Field],
    values: Mapping[str, Any] | None = None,
    *,
    leave_out: Iterable[str] = (),
    taken: Iterable[str] = (),
    prefix: str = "",
) -> list[Flag]:
    """A flag for each field.

    Args:
        fields: by name, as `fields_of` gives them.
        values: defaults that replace the fields' own, such as those of a stored model.
        leave_out: names of fields that get no flag.
        taken: names that other flags have; a field of that name gets the prefix.
        prefix: such as "image_".
    """
    flags, left_out, others = [], set(leave_out), set(taken)
    for name, field in fields.items():
        if name not in left_out:
            default = (values or {}).get(name, field.default)
            default = tuple(default) if isinstance(default, list) else default
            bounds = f" ({field.bounds})" if field.bounds else ""
            flag = (prefix if name in others else "") + name
            flags.append(
                Flag(flag, field.type, default, field.help + bounds, repeat=field.type == tuple[str, ...], field=field)
            )
    return flags


def parse(prog: str, about: str, flags: Sequence[Flag], arguments: Sequence[str]) -> dict[str, Any]:
    """The values of all flags, by name.

    Raises:
        ZaohuaError: an option is unknown, or its value is missing, of the wrong type or out of bounds.
    """
    import tyro

    arguments = _known(flags, arguments)
    members = [(flag.name, _annotated(flag), dataclasses.field(default=flag.default)) for flag in flags]
    form = dataclasses.make_dataclass("Arguments", members, kw_only=True)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            values: Any = tyro.cli(
                form,
                prog=prog,
                description=about,
                args=arguments,
                config=(tyro.conf.AvoidSubcommands, tyro.conf.FlagCreatePairsOff),
            )
    except SystemExit as stop:
        if stop.code:
            raise _mistake(said.getvalue(), flags, prog) from None
        raise
    for flag in flags:
        if flag.field is not None:
            check_field("option", dataclasses.replace(flag.field, name=flag.spellings[0]), getattr(values, flag.name))
    return {flag.name: getattr(values, flag.name) for flag in flags}


def leading(
    arguments: Sequence[str], names: str, call: str, about: str, flags: Sequence[Flag], count: int = 1
) -> tuple[list[str], list[str]]:
    """The arguments of a command that stand before its options, and the options; or the help, if asked for that.

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
    if len(first) < count or any(argument.startswith("-") for argument in first):
        if not {"-h", "--help"} & set(arguments):
            raise ZaohuaError(f"{names} first: {call}")
        parse(call.removesuffix(" [options]"), about, flags, ["--help"])
    return first, list(arguments[count:])


def given(values: Mapping[str, Any], flags: Iterable[Flag]) -> dict[str, Any]:
    """The values of those flags that differ from their defaults, by the names of their fields."""
    return {flag.field.name: values[flag.name] for flag in flags if flag.field and values[flag.name] != flag.default}


def _annotated(flag: Flag) -> Any:
    """The flag's type with what tyro is to know about it."""
    import tyro

    details = tyro.conf.arg(help=flag.help, aliases=flag.short or None)
    if flag.repeat:
        return Annotated[flag.type, details, tyro.conf.UseAppendAction]
    return Annotated[flag.type, details]


def _known(flags: Sequence[Flag], arguments: Sequence[str]) -> list[str]:
    """The arguments with `none` spelt as tyro wants it, when every option among them is known."""
    by_spelling = {spelling: flag for flag in flags for spelling in flag.spellings}
    out, last = [], None
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if re.match(r"--?[a-zA-Z]", argument):
            option = option.replace("_", "-")
            last = by_spelling.get(option)
            if last is None and option not in ("-h", "--help"):
                raise unknown("option", option, by_spelling)
            out += [option, _none(value, last)] if equals else [option]
        else:
            out.append(_none(argument, last))
    return out


def _none(value: str, flag: Flag | None) -> str:
    return "None" if value.lower() == "none" and flag is not None and type(None) in get_args(flag.type) else value


def _mistake(box: str, flags: Sequence[Flag], prog: str) -> ZaohuaError:
    """What tyro wrote in a box, with or without lines drawn around it, as one line."""
    lines = [line.strip("│╭╮╰╯─ ") for line in re.sub(r"\x1b\[[0-9;]*m", "", box).splitlines()]
    title, *rest = [line for line in lines if line] or [""]
    rest = rest[1:] if rest and not rest[0].strip("-") else rest
    text = " ".join(itertools.takewhile(lambda line: line.strip("-"), rest))
    bad = re.search(r"--([\w-]+)", text)
    flag = next((f for f in flags if bad and f"--{bad[1]}" in f.spellings), None)
    value = re.search(r"(?:from \[|invalid choice |base 10: |to float: )('[^']*')", text)
    if flag is not None and value is not None:
        return ZaohuaError(f"{flag.spellings[0]} must be {type_name(_plain(flag.type))}, not {value[1]}")
    sentence = re.split(r"\s(?:Got errors|Argument helptext|For full helptext)", text)[0]
    return ZaohuaError(f"{(sentence or title).rstrip('.')} (see `{prog} --help`)")


def _plain(kind: Any) -> Any:
    """A type without None, which people leave an option out for."""
    kinds = [k for k in get_args(kind) if k is not type(None)]
    return Union[tuple(kinds)] if type(None) in get_args(kind) else kind  # noqa: UP007 (of a tuple, which `|` can't join)


def echo(line: str) -> None:
    """A line for people, on stderr, where it doesn't mix with results."""
    print(line, file=sys.stderr)
