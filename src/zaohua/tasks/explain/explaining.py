"""Explanation of a model and of one of its items, panel by panel.

Each panel is a function of what models offer publicly, in a file of its own. It is left out, with the reason, where a
model lacks what it needs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import Tensor

from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.json import Json
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.tensors import Encoded
from zaohua.storage.atomic import encoded, replace_file
from zaohua.tasks.explain.attention import attention
from zaohua.tasks.explain.attributions import attributions
from zaohua.tasks.explain.counterfactuals import counterfactuals
from zaohua.tasks.explain.neighbours import neighbours
from zaohua.tasks.explain.noising import noising
from zaohua.tasks.explain.oddness import oddness
from zaohua.tasks.explain.page import text
from zaohua.tasks.explain.subject import Reference, Subject, reference_of, subject_of
from zaohua.tasks.explain.surprisal import surprisal
from zaohua.tasks.explain.walks import walks

PANELS: dict[str, Callable[[Subject], object]] = {
    "neighbours": neighbours,
    "surprisal": surprisal,
    "oddness": oddness,
    "attributions": attributions,
    "counterfactuals": counterfactuals,
    "walks": walks,
    "noising": noising,
    "attention": attention,
}
"""The panels, in the order of the page."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """Explanation of a model and an item.

    Attributes:
        subject: the model and the item.
        panels: what was found, by the name of the panel; see the class of each.
        absent: why other panels are missing.
        command: the command that makes the page again.
    """

    subject: Subject
    panels: dict[str, object]
    absent: dict[str, str] = field(default_factory=dict)
    command: str = ""

    def to_json(self) -> Json:
        """Return all figures as JSON values, without pictures of other items."""
        model = self.subject.model
        return {
            "run": model.run_,
            "model": type(model).__name__,
            "item": self.subject.origin,
            "given": self.subject.given,
            "panels": {name: _plain(panel) for name, panel in self.panels.items()},
            "absent": self.absent,
        }

    def write(self, path: str | Path) -> Path:
        """Write a page that needs no other file, and return its path.

        Raises:
            ZaohuaError: it can't be written.
        """
        replace_file(Path(path), encoded(text(self.subject, self.panels, self.absent, self.command)))
        return Path(path)


def explain(
    model: GenerativeModel,
    item: object = None,
    *,
    y: object = None,
    data: object = None,
    train: object = None,
    panels: Collection[str] | None = None,
    random_state: int = 0,
    log: Callable[[str], None] | None = None,
) -> Explanation:
    """Explain an item as a model sees it, and what the model has learnt around it.

        >>> zh.explain(model, photo).write("explain.html")

    Args:
        model: fitted model.
        item: an item as `fit` takes them, the path of its file, or the number of a held-out item; None for a sample.
        y: its condition. By default that of a held-out item, else its most probable label.
        data, train: held-out and training items, if they aren't known, as `evaluate` takes them.
        panels: names of the panels; None for all. Without "neighbours" no training item is shown.
        random_state: seed of the sample.
        log: function that is called with the name of each panel.

    Raises:
        ZaohuaError: there is no such panel, or the item can't be encoded.
    """
    chosen = list(PANELS) if panels is None else list(panels)
    for name in chosen:
        if name not in PANELS:
            raise unknown("panel", name, PANELS)
    known: list[Reference] = []

    def find() -> Reference:
        if not known:
            known.append(reference_of(model, data, train))
        return known[0]

    subject, found, absent = subject_of(model, item, y, find, random_state), dict[str, object](), dict[str, str]()
    for name in (name for name in PANELS if name in chosen):
        if log is not None:
            log(name)
        try:
            found[name] = PANELS[name](subject)
        except ZaohuaError as error:
            absent[name] = str(error)
    return Explanation(subject, found, absent)


def _plain(value: object) -> object:
    """Convert what a panel found to JSON values; items stay out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {name: _plain(part) for name, part in fields.items() if not isinstance(part, (Tensor, Encoded))}
    if isinstance(value, np.ndarray):
        return [_plain(part) for part in value.tolist()] if value.ndim else float(value)
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return round(value, 6) if np.isfinite(value) else None
    return value
