"""Named benchmarks; each kind of data lists its own (`Modality.suites`)."""

from __future__ import annotations

from dataclasses import dataclass

from zaohua.core.json import Json
from zaohua.core.registry import Entry


@dataclass(frozen=True)
class Suite:
    """A named benchmark.

    Attributes:
        modality: kind of data of all its models.
        data: names of its data sets.
        about: description in one line.
        settings: values of fields that differ from the defaults, for the models that have these fields.
        labels: True to train models conditionally on labels.
        others: commands of additional models, whose first modality is another.
        without: families of models of that modality that are excluded.
    """

    modality: str
    data: tuple[str, ...]
    about: str
    settings: Json
    labels: bool = True
    others: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def takes(self, entry: Entry) -> bool:
        """Return True if the suite includes a model."""
        ours = self.modality == entry.modalities[0] and entry.family not in self.without
        return ours or entry.command in self.others
