"""What is known of a model without loading it, and without torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zaohua.core import registry
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.params import fields_of
from zaohua.serving.work import ModelCard
from zaohua.storage import facts, published
from zaohua.storage.layout import MODEL, WEIGHTS

RESTORING = {"restore", "denoiser", "impute", "inverse_transform"}
"""Methods by any of which the task `restore` works."""


def card(name: str, path: str | Path) -> ModelCard:
    """Read what is known of a model without loading it.

    Raises:
        ZaohuaError: there is none, or it has no weights yet.
    """
    stored = facts.read_model(path)
    if not published.is_published(path) and not (Path(path) / WEIGHTS).exists():
        raise ZaohuaError(f"{path} has no weights yet: its training was stopped early")
    entry = registry.stored_entry(stored["model"])
    return ModelCard(
        id=name,
        kind=registry.short_name(stored["model"]),
        modality=registry.modality_of(stored["model"], stored["codec"]["codec"]),
        created=_created(path),
        capabilities=_capabilities(stored, () if entry is None else entry.methods),
        labels=tuple(map(str, ((stored.get("y_codec") or {}).get("state") or {}).get("classes", ()))),
        options=_options(stored, entry),
        facts=_facts(stored),
    )


def _created(path: str | Path) -> int:
    """Return the time at which a model was saved, in seconds since 1970; 0 if it isn't here."""
    place = Path(path)
    place = place / MODEL if (place / MODEL).exists() else place
    return int(place.stat().st_mtime) if place.exists() else 0


def _capabilities(stored: Json, methods: Sequence[str]) -> frozenset[str]:
    """Return what a stored model can do, given the methods of its class."""
    found = set(methods)
    if not (stored["state"].get("dialogues") or stored["codec"]["state"].get("template")):
        found.discard("chat")
    if stored["parameters"].get("fim"):
        found.add("suffix")
    if found & RESTORING:
        found.add("restore")
    return frozenset(found)


def _options(stored: Json, entry: registry.Entry | None) -> Json:
    """Return the options of a stored model's sampling, with its values."""
    if entry is None:  # a class outside the package, which has to be imported
        fields = fields_of(registry.stored_class(stored["model"]))
        names = tuple(name for name, field in fields.items() if field.sampling)
    else:
        names = entry.sampling
    return {name: stored["parameters"].get(name) for name in names}


def _facts(stored: Json) -> Json:
    """Return what else is known of a stored model that clients can use."""
    spec, state = stored["codec"]["spec"], stored["codec"]["state"]
    own = (stored.get("summary") or {}).get("options") or {}
    if "form" in state:  # of sounds
        own = {**dict(zip(("rate", "length", "channels"), state["form"], strict=False)), **own}
    found = {
        "context": stored["parameters"].get("context"),
        "vocabulary": spec["features"][0]["size"] if spec["axes"] == ["position"] else None,
        "shape": spec["shape"] if spec["axes"] == ["height", "width"] else None,
        "channels": own.get("channels"),
        "rate": own.get("rate"),
        "columns": (state.get("container") or {}).get("columns"),
    }
    return {name: value for name, value in found.items() if value is not None}
