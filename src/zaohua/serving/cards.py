"""What is known of a model without loading it, and without torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zaohua.core import registry
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.serving.work import ModelCard
from zaohua.storage import facts, published
from zaohua.storage.layout import MODEL, WEIGHTS

RESTORING = {"restore", "denoiser", "impute", "inverse_transform"}
"""Methods by any of which the task `restore` works."""
SETTINGS = ("context", "max_tokens", "temperature", "steps")
"""Settings that clients can use."""


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


def _facts(stored: Json) -> Json:
    """Return what else of a stored model clients can use: some settings, and the form of its items."""
    parameters, codec = stored["parameters"], stored["codec"]
    found = {name: parameters[name] for name in SETTINGS if parameters.get(name) is not None}
    state, spec = codec["state"], codec["spec"]
    if spec["axes"] == ["height", "width"] and spec["shape"]:
        found |= dict(zip(("height", "width"), spec["shape"], strict=True))
    if "form" in state:
        found |= dict(zip(("rate", "length", "channels"), state["form"], strict=False))
    if "container" in state:
        found["columns"] = state["container"]["columns"]
    return found
