"""Fitting a model with the same settings again, to other items: shadow models, and runs with canaries."""

from __future__ import annotations

from sklearn.base import clone

from zaohua.core.params import fields_of
from zaohua.estimator.base import GenerativeModel
from zaohua.modalities.files.items import FileItems
from zaohua.tasks.audit.sides import AuditedItems, Sides

QUICK = 10.0
"""Seconds that a model may have taken to fit for it to be fitted again unless that is asked for."""


def slow(model: GenerativeModel, sides: Sides) -> str:
    """Return why a model isn't fitted again without being asked; empty if it is."""
    if isinstance(sides.members.raw, FileItems):
        return "its items are in files, which aren't trained on again"
    seconds = getattr(model, "seconds_", None)
    if seconds is None:
        return "it isn't known how long it took to fit"
    return f"it took {seconds:,.0f} s to fit, more than {QUICK:.0f}" if seconds > QUICK else ""


def refitted(model: GenerativeModel, items: AuditedItems, random_state: int) -> GenerativeModel:
    """Fit a model with the same settings to other items, for as many steps, all of which are trained on.

    Args:
        model: fitted model; it is unchanged.
        items: what to train on.
        random_state: seed of the new model.
    """
    new: GenerativeModel = clone(model)
    steps = getattr(model, "n_steps_", None)
    settings = {
        "random_state": random_state,
        "validation_fraction": 0.0,
        "patience": None,
        **({} if steps is None else {"max_steps": steps, "max_minutes": None}),
    }
    own = fields_of(type(new))
    return items.learnt_by(new.set_params(**{name: value for name, value in settings.items() if name in own}))
