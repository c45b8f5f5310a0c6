"""The sentences in a manual's plain text, without its code, tables, lists and headings."""

from __future__ import annotations

import re

OTHER = re.compile(r"^[ *+|\[.>-]|::=|\n[=*~^-]+$")
"""What begins or is in a paragraph that is no prose: an indent, a bullet, a frame, a rule of grammar, a line below."""

COMMON = re.compile(r"""[\w .,;:'"()*!?/=-]+""", re.ASCII)
"""Text of letters, digits and the punctuation of sentences."""


def paragraphs(text: str, least: int = 80) -> list[str]:
    """Paragraphs of prose, each on one line, of at least so many characters, all of them `COMMON`."""
    parts = [part.rstrip() for part in re.split(r"\n\s*\n", text)]
    lines = [" ".join(part.split()) for part in parts if not OTHER.search(part)]
    return [line for line in lines if len(line) >= least and COMMON.fullmatch(line)]
