"""Read the options of a command by argparse, show its help, and tell mistakes as one line each."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from zaohua.cli import values as words
from zaohua.cli.described import TITLES, check_bounds, described
from zaohua.cli.options import Options
from zaohua.core.errors import ZaohuaError, unknown

if TYPE_CHECKING:
    from zaohua.cli.flags import Flag

WIDEST = 120
"""Letters of a line of help at most."""
NOTES = {
    "data": "An option of the data is called the same for every model. One whose name a network may also use begins "
    "with the kind of data, as in --image-channels."
}
"""What is said of a group below its title."""


def parse(
    prog: str,
    about: str,
    flags: Sequence[Flag],
    arguments: Sequence[str],
    *,
    first: Sequence[str] = (),
    titles: Mapping[str, str] | None = None,
    also: Sequence[str] = (),
) -> Options:
    """Return the values of all flags, by name: as given, else as in the file of `--config`, else their defaults.

    Args:
        prog: how the command is called, without its options.
        about: what it does.
        flags: its options.
        arguments: what was given.
        first: names of the flags that the help lists before all others.
        titles: of groups of the help that are to have others than usual.
        also: keys that the file may hold beside the flags.

    Raises:
        ZaohuaError: an option is unknown, or its value is missing, of the wrong type or out of bounds.
    """
    parser = _parser(prog, about, flags, first, {**TITLES, **(titles or {})})
    try:
        namespace, stray = parser.parse_known_args(_known(flags, arguments))
    except argparse.ArgumentError as error:
        raise _mistake(error, flags) from None
    if stray:
        raise ZaohuaError(f"{stray[0]!r} is neither an option nor the value of one (see `{prog} --help`)")
    found = vars(namespace)
    given = {flag.name: _value(flag, found[flag.name]) for flag in flags if flag.name in found}
    values = Options({flag.name: flag.default for flag in flags})
    path = given.get("config")
    if isinstance(path, str):
        from zaohua.cli.config import from_file

        values.update(from_file(path, flags, also))
    values.update(given)
    return values


class _Parser(argparse.ArgumentParser):
    """A parser whose mistakes are raised, not printed."""

    def error(self, message: str) -> NoReturn:
        """Raise the mistake as an error of one line."""
        raise ZaohuaError(f"{message} (see `{self.prog} --help`)")


class _Formatter(argparse.HelpFormatter):
    """Help as wide as the terminal, up to what can be read well, with short options beside their texts."""

    def __init__(self, prog: str):
        width = min(WIDEST, max(40, shutil.get_terminal_size().columns - 1))
        super().__init__(prog, max_help_position=min(32, width // 3), width=width)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """Write all spellings of an option, and its value once."""
        value = "" if action.nargs == 0 else f" {action.metavar}"
        return ", ".join(sorted(action.option_strings, key=lambda option: option.startswith("--"))) + value

    def _split_lines(self, text: str, width: int) -> list[str]:
        """Wrap a text between words, so that names of options stay whole."""
        return textwrap.wrap(" ".join(text.split()), max(width, 20), break_on_hyphens=False, break_long_words=False)


def _empty(prog: str, about: str) -> argparse.ArgumentParser:
    """Make an argparse parser without options."""
    return _Parser(
        prog=prog,
        usage=f"{prog} [options]",
        description=about,
        formatter_class=_Formatter,
        add_help=False,
        allow_abbrev=False,
        exit_on_error=False,
        argument_default=argparse.SUPPRESS,
    )


def _parser(
    prog: str, about: str, flags: Sequence[Flag], first: Sequence[str], titles: Mapping[str, str]
) -> argparse.ArgumentParser:
    """Make an argparse parser with the flags in groups."""
    parser = _empty(prog, about)
    for title, note, members in sections(flags, first, titles):
        section = parser.add_argument_group(title, note)
        for flag in members:
            _add(section.add_argument, flag)
    section.add_argument("-h", "--help", action="help", help="Show this help.")
    return parser


def sections(
    flags: Sequence[Flag], first: Sequence[str], titles: Mapping[str, str]
) -> list[tuple[str, str | None, list[Flag]]]:
    """Return the groups of the help: title, note or None, and flags."""
    groups = {"most used": [flag for name in first for flag in flags if flag.name == name]}
    for group in titles:
        groups[group] = [flag for flag in flags if flag.group == group and flag.name not in first]
    used = {group: members for group, members in groups.items() if members}
    return [
        (titles.get(group, group) if len(used) > 1 else "options", NOTES.get(group) if first else None, members)
        for group, members in used.items()
    ]


class Shown(NamedTuple):
    """What the help shows of an option: its spellings, what stands for its value (empty: it takes none), and a text."""

    spellings: tuple[str, ...]
    value: str
    text: str

    @classmethod
    def of(cls, flag: Flag) -> Shown:
        """Describe a flag."""
        value = "" if flag.type is bool else flag.metavar or words.metavar(flag.type)
        return cls(tuple(flag.spellings), value, described(flag, flag.text))


def help_text(prog: str, about: str, groups: Iterable[tuple[str, str | None, Iterable[Shown]]]) -> str:
    """Write the help of a command, as wide as the terminal, from what it shows of its options."""
    parser = _empty(prog, about)
    for title, note, members in groups:
        section = parser.add_argument_group(title, note)
        for number, shown in enumerate(members):
            text = shown.text.replace("%", "%%")
            if shown.value:
                section.add_argument(*shown.spellings, dest=f"option{number}", metavar=shown.value, help=text)
            else:
                section.add_argument(*shown.spellings, dest=f"option{number}", action="store_true", help=text)
    section.add_argument("-h", "--help", action="help", help="Show this help.")
    return parser.format_help()


def _add(add: Callable[..., object], flag: Flag) -> None:
    """Add a flag to a group of the parser by its method `add_argument`."""
    text = described(flag, flag.text).replace("%", "%%")
    hidden = [spelling for spelling in flag.accepted if spelling not in flag.spellings]
    if flag.type is bool:
        on = not flag.default
        add(*flag.spellings, dest=flag.name, action="store_const", const=on, help=text)
        add(*hidden, dest=flag.name, action="store_const", const=not on, help=argparse.SUPPRESS)
        return
    options: dict[str, str | None] = {
        "dest": flag.name,
        "action": "extend" if flag.repeat else "store",  # --y a b, or --y a --y b
        "nargs": "+" if flag.repeat else words.number_of_words(flag.type),
        "metavar": flag.metavar or words.metavar(flag.type),
    }
    add(*flag.spellings, help=text, **options)
    if hidden:
        add(*hidden, help=argparse.SUPPRESS, **options)


def _known(flags: Sequence[Flag], arguments: Sequence[str]) -> list[str]:
    """Write underscores in the names of options as dashes, and attach negative numbers to their options.

    Raises:
        ZaohuaError: an option is unknown.
    """
    known = {spelling for flag in flags for spelling in flag.accepted}
    listed = [spelling for flag in flags for spelling in flag.spellings]
    out: list[str] = []
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if _is_number(argument) and out and out[-1] in known:
            out[-1] += f"={argument}"
        elif len(argument) > 1 and argument.startswith("-") and " " not in option and not _is_number(argument):
            option = option.replace("_", "-")
            if option not in known and option not in ("-h", "--help"):
                values = [spelling for flag in flags if words.takes_text(flag.type) for spelling in flag.accepted]
                text = bool(out) and out[-1] in values
                raise unknown("option", option, listed, f"(a value is written {out[-1]}={argument})" if text else "")
            out.append(f"{option}{equals}{value}")
        else:
            out.append(argument)
    return out


def is_option(word: str) -> bool:
    """Return True if a word is the name of an option; "-" stands for standard input."""
    return word.startswith("-") and word != "-"


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return word.startswith("-")


def _value(flag: Flag, found: str | list[str] | bool) -> object:
    """Convert the words that argparse found to the value of a flag, and check its bounds."""
    if isinstance(found, bool):
        return found
    value = words.convert(flag.spellings[0], flag.type, [found] if isinstance(found, str) else found)
    check_bounds(flag.spellings[0], flag, value)
    return value


def _mistake(error: argparse.ArgumentError, flags: Sequence[Flag]) -> ZaohuaError:
    """Write an error of argparse about an option in our words."""
    names = (error.argument_name or "").split("/")
    flag = next((flag for flag in flags if names[0] in flag.accepted), None)
    if flag is None:
        return ZaohuaError(str(error))
    if flag.type is bool:
        return ZaohuaError(f"{names[0]} takes no value")
    dashed = f"; one that begins with a dash is written {flag.option}=-x" if words.takes_text(flag.type) else ""
    return ZaohuaError(f"{flag.spellings[0]} needs a value{dashed}")
