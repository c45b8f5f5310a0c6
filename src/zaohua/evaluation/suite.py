"""What a named benchmark is; each kind of data lists its own (`Modality.suites`)."""

from __future__ import annotations

from dataclasses import dataclass

from zaohua.core.json import Json
from zaohua.core.registry import Entry


@dataclass(frozen=True)
class Suite:
    """A named benchmark.

    Attributes:
        modality: all its models are of.
        data: names of its data sets.
        about: what it is, in a line.
        settings: fields that differ from the defaults, of the models that have them.
        labels: whether models learn items given their labels.
        others: commands of models whose first modality is another, and which learn these items, too.
        without: families of models that don't learn such items, though they are of that modality.
    """

    modality: str
    data: tuple[str, ...]
    about: str
    settings: Json
    labels: bool = True
    others: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def takes(self, entry: Entry) -> bool:
        """Return whether a model is among those that it trains."""
        ours = self.modality == entry.modalities[0] and entry.family not in self.without
        return ours or entry.command in self.others
