"""Show models of texts on the page of a comparison: test texts and samples to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup

from zaohua.evaluation import plain_page, table
from zaohua.evaluation.comparison import Comparison
from zaohua.evaluation.summaries import titled
from zaohua.modalities.texts.evaluation import LONGEST
from zaohua.report import html
from zaohua.report.sheets import Picture, on_black

TEMPLATE = Path(__file__).with_name("page.html.jinja")
SAID = ("bits_per_byte", "copied")
"""Measures whose figures stand beside the name of a model."""
about = plain_page.about


@dataclass(frozen=True)
class Written:
    """Texts of a model, or real ones: whose they are, what else is said of them, and each with what it was made of."""

    name: str
    more: str
    texts: list[tuple[str, str, Picture | None]]

    @classmethod
    def of(cls, name: str, more: str, arrays: Mapping[str, np.ndarray]) -> Written:
        """Make one of what `TextProtocol.shown` returned."""
        texts = [text if len(text) < LONGEST else f"{text} …" for text in arrays["samples"].tolist()]
        asked = arrays["asked"].tolist()
        pictures: list[Picture | None] = [
            on_black(one[None], 1, "condition", 56, gap=0) for one in arrays.get("asked_pictures", ())
        ]
        beside = [asked or [""] * len(texts), pictures or [None] * len(texts)]
        return cls(name, more, list(zip(texts, *beside, strict=True)))


def sections(comparison: Comparison) -> Markup:
    """Return the sections that only texts have."""
    found = [Written.of("real", "not seen in training", comparison.arrays)] if comparison.arrays else []
    for row in comparison.rows:
        found.append(
            Written.of(row.run, ", ".join(filter(None, (titled(name, row, False) for name in SAID))), row.arrays)
        )
    asked = any(len(row.arrays["asked"]) for row in comparison.rows)
    return html.render(
        TEMPLATE,
        samples=found,
        note="; beside each, what was asked for" if asked else "",
        remarks=table.remarks(comparison.notes, comparison.rows),
    )
