"""File names that say what is in the files: `recordings/{label}_{speaker}_{i}.wav`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from zaohua.core.errors import ZaohuaError

LABEL = "label"
PLACE = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True)
class FilePattern:
    """The files of a folder whose names are of one form.

    Attributes:
        text: the form as it was given.
        folder: up to the first part that has braces.
        names: the rest, with slashes: {label} is the label, other names in braces stand for anything. The ending may
            be in capitals or not.
    """

    text: str
    folder: Path
    names: str

    @classmethod
    def of(cls, source: str | Path) -> FilePattern | None:
        """The pattern that a path is; None where it has no braces, or is there as it is.

        Raises:
            ZaohuaError: it doesn't say where the label is, or its names can't be told apart.
        """
        path = Path(source).expanduser()
        at = next((i for i, part in enumerate(path.parts) if PLACE.search(part)), None)
        if at is None or path.exists():
            return None
        pattern = cls(str(source), Path(*path.parts[:at]), "/".join(path.parts[at:]))
        places = PLACE.findall(pattern.names)
        if LABEL not in places:
            raise ZaohuaError(f"{source}: a pattern of file names says where the label is: {{label}}")
        if "}{" in pattern.names:
            raise ZaohuaError(f"{source}: something must stand between two names in braces, to tell them apart")
        return pattern

    @property
    def suffix(self) -> str:
        """The ending of its files, in lower case."""
        return Path(self.names).suffix.casefold()

    def label(self, name: str) -> str | None:
        """The label of a file, given its path from the folder; None if that is not of this form.

        What stands between two names in braces is in neither, so that a form fits in one way only.
        """
        found = re.fullmatch(self._regex(), name)
        return found[LABEL] if found else None

    def _regex(self) -> str:
        literals, places = PLACE.split(self.names)[::2], PLACE.findall(self.names)
        between = "|".join(map(re.escape, {*literals[1:-1], "/"}))
        out, seen = re.escape(literals[0]), set[str]()
        ending = self.suffix if literals[-1].casefold().endswith(self.suffix) else ""  # which may be .wav or .WAV
        literals[-1] = literals[-1][: len(literals[-1]) - len(ending)]
        for place, literal in zip(places, literals[1:], strict=True):
            anything = f"(?:(?!{between}).)+"
            out += f"(?P={place})" if place in seen else f"(?P<{place}>{anything})" if place else anything
            out += re.escape(literal)
            seen |= {place} - {""}
        return out + f"(?i:{re.escape(ending)})"
