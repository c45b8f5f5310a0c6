"""Sort the fields of a model into the groups of the help: network, training, sampling and run."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from zaohua.cli.flags import NETWORK, RUN, SAMPLING, TRAINING
from zaohua.core.params import Field

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel

OF_THE_RUN = ("random_state", "precision", "log_every", "preview_every", "checkpoint_every")
"""Fields that say how a run is made and told of, beside those of the machine."""


def group_of(cls: type[GenerativeModel], field: Field) -> str:
    """Return the group of a model's field."""
    if field.name in OF_THE_RUN or field.name in cls.machine_fields:
        return RUN
    if field.sampling:
        return SAMPLING
    return TRAINING if ".training." in _declared_in(cls, field.name) else NETWORK


def titles_of(cls: type[GenerativeModel]) -> dict[str, str]:
    """Titles of groups that this model has others for: one without networks has no network."""
    return {} if hasattr(cls, "resume") else {NETWORK: "model"}


def _declared_in(cls: type, name: str) -> str:
    """Find the module of the most basic class that declares a field."""
    owners = [parent for parent in cls.__mro__ if name in inspect.get_annotations(parent)]
    return owners[-1].__module__ if owners else ""
