"""Make the reference pages of the site from the public names of the package; refuse pages that need the network."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import zaohua as zh

SHARED = "GenerativeModel", "ItemMethods", "TensorLayer", "Trainable", "TrainingSettings"
"""Classes whose members all models, or all models with networks, have."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the reference pages. mkdocstrings fills them."""
    for name, text in pages().items():
        files.append(File.generated(config, f"api/{name}.md", content=text))
    return files


FETCHES = re.compile(
    r'<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc="(?:https?:)?//[^"]*"'
    r'|<link\b[^>]*\brel="(?:stylesheet|preconnect|preload|icon)"[^>]*\bhref="(?:https?:)?//[^"]*"'
    r'|<link\b[^>]*\bhref="(?:https?:)?//[^"]*"[^>]*\brel="(?:stylesheet|preconnect|preload|icon)"'
)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Raise a PluginError if a browser would fetch anything from another site for this page."""
    found = FETCHES.search(output)
    if found:
        raise PluginError(f"{page.file.src_uri} fetches something from the network: {found[0]}")
    return output


def pages() -> dict[str, str]:
    """Return the Markdown of each reference page by its name."""
    base, *parts = (_ancestor(zh.VAE, name) for name in SHARED)
    public = [getattr(zh, name) for name in dir(zh) if not name.startswith("_")]
    functions = [item for item in public if inspect.isfunction(item)]
    classes = [item for item in public if inspect.isclass(item)]
    errors = [cls for cls in classes if issubclass(cls, (Exception, Warning))]
    models = {cls for cls in classes if issubclass(cls, base)}
    others = [cls for cls in classes if cls not in models and cls not in errors]
    return {
        "functions": _page("Functions and errors", "", [*functions, *errors]),
        "estimator": _page(
            "What every model can do", "`zaohua models` lists which of these methods each model has.", [base, *parts]
        ),
        "models": "\n".join(_models(models)),
        "data": _page("Data", "Items as Python objects, and codecs, which turn items into tensors.", others),
    }


def _models(models: set[Any]) -> Iterator[str]:
    """Yield the page of the models, with a section for each family."""
    yield "# Models\n\nEach has the methods of [every model](estimator.md), and these settings of its own.\n"
    by_name = {cls.__name__: cls for cls in models}
    family = None
    for entry in zh.registry.entries():
        if entry.name in by_name:
            if entry.family != family:
                family = entry.family
                yield f"## Family: {family.replace('_', ' ')}\n"
            yield _block(by_name[entry.name], 3)


def _page(title: str, about: str, items: list[Any]) -> str:
    return "\n".join([f"# {title}\n", about, "", *(_block(item, 2) for item in items)])


def _block(item: Any, level: int) -> str:
    """Return the line that mkdocstrings replaces by the documentation of an object."""
    return f"::: {item.__module__}.{item.__qualname__}\n    options:\n      heading_level: {level}\n"


def _ancestor(cls: type, name: str) -> type:
    return next(parent for parent in cls.__mro__ if parent.__name__ == name)
