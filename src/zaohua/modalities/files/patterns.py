"""Patterns of file names that contain labels: `recordings/{label}_{speaker}_{i}.wav`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from zaohua.core.errors import ZaohuaError

LABEL = "label"
FIELD = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True)
class FilePattern:
    """Pattern of file names in a folder.

    Attributes:
        text: the pattern as it was given.
        folder: the path before the first part that contains braces.
        names: the rest, with slashes: {label} is the label, other names in braces match anything. The case of the
            suffix is ignored.
    """

    text: str
    folder: Path
    names: str

    @classmethod
    def of(cls, source: str | Path) -> FilePattern | None:
        """Parse a path as a pattern; return None if it has no braces, or exists literally.

        Raises:
            ZaohuaError: the pattern has no {label}, or adjacent fields without text between them.
        """
        path = Path(source).expanduser()
        at = next((i for i, part in enumerate(path.parts) if FIELD.search(part)), None)
        if at is None or path.exists():
            return None
        pattern = cls(str(source), Path(*path.parts[:at]), "/".join(path.parts[at:]))
        fields = FIELD.findall(pattern.names)
        if LABEL not in fields:
            raise ZaohuaError(f"{source}: a pattern of file names must contain {{label}}")
        if "}{" in pattern.names:
            raise ZaohuaError(f"{source}: there must be text between two names in braces, to separate them")
        return pattern

    @property
    def suffix(self) -> str:
        """Suffix of the files, in lower case."""
        return Path(self.names).suffix.casefold()

    def label(self, name: str) -> str | None:
        """Return the label of a file from its path relative to the folder; None if it doesn't match.

        The text between two fields can't occur in a field, so that a match is unique.
        """
        match = re.fullmatch(self._regex(), name)
        return match[LABEL] if match else None

    def _regex(self) -> str:
        literals, fields = FIELD.split(self.names)[::2], FIELD.findall(self.names)
        between = "|".join(map(re.escape, {*literals[1:-1], "/"}))
        out, seen = re.escape(literals[0]), set[str]()
        ending = self.suffix if literals[-1].casefold().endswith(self.suffix) else ""  # .wav or .WAV
        literals[-1] = literals[-1][: len(literals[-1]) - len(ending)]
        for field, literal in zip(fields, literals[1:], strict=True):
            anything = f"(?:(?!{between}).)+"
            out += f"(?P={field})" if field in seen else f"(?P<{field}>{anything})" if field else anything
            out += re.escape(literal)
            seen |= {field} - {""}
        return out + f"(?i:{re.escape(ending)})"
