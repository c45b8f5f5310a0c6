"""Extraction of prose from plain-text manuals, without code, tables, lists and headings."""

from __future__ import annotations

import re

OTHER = re.compile(r"^[ *+|\[.>-]|::=|\n[=*~^-]+$")
"""Marks of paragraphs that aren't prose: indents, bullets, frames, grammar rules, underlines."""

COMMON = re.compile(r"""[\w .,;:'"()*!?/=-]+""", re.ASCII)
"""Text that consists of letters, digits and common punctuation."""


def paragraphs(text: str, least: int = 80) -> list[str]:
    """Return paragraphs of prose, each as one line, of at least `least` characters that all match `COMMON`."""
    parts = [part.rstrip() for part in re.split(r"\n\s*\n", text)]
    lines = [" ".join(part.split()) for part in parts if not OTHER.search(part)]
    return [line for line in lines if len(line) >= least and COMMON.fullmatch(line)]
