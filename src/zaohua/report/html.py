"""Render pages from Jinja2 templates, with every value escaped.

Templates that all pages share are in `templates/`; others stand beside the module that renders them, inside this
package or anywhere else:

    TEMPLATE = Path(__file__).with_name("page.html.jinja")

    def sections(comparison: Comparison) -> Markup:
        return html.render(TEMPLATE, rows=comparison.rows)

A template reaches the shared ones by their names, such as `{% import "shared.html.jinja" as shared %}`, and its
neighbours by `./NAME`. A value is text and is escaped, unless it is `Markup`, which `render` and the charts return.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from zaohua.report import numbers
from zaohua.report.sheets import png

SHARED = Path(__file__).with_name("templates")
"""The folder of the templates that all pages share."""


def render(template: str | Path, **values: object) -> Markup:
    """Fill in a template.

    Args:
        template: the name of a shared template, or the path of any other.
        **values: what the template shows. Text is escaped; `Markup` is inserted as it is.

    Returns:
        The HTML, which another template may insert.

    Raises:
        jinja2.TemplateNotFound: there is no such file.
        jinja2.UndefinedError: the template shows a value that isn't given.
    """
    return Markup(_environment().get_template(str(template)).render(values))  # escaped by the template


def data_uri(content: np.ndarray | bytes, media_type: str = "image/png") -> Markup:
    """Return a picture or a file as a URI that holds all of it, so that a page needs no other file.

    Args:
        content: a uint8 picture (H, W) or (H, W, 3), or the bytes of a file.
        media_type: the kind of file; pictures are PNG.
    """
    data = content if isinstance(content, bytes) else png(content)
    return Markup(f"data:{media_type};base64,{base64.b64encode(data).decode()}")  # has no letter to be escaped


class _Environment(Environment):
    """Resolves `./NAME` beside the template that names it."""

    def join_path(self, template: str, parent: str) -> str:
        return str(Path(parent).parent / template) if template.startswith("./") else template


@cache
def _environment() -> Environment:
    environment = _Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., object]] = {
        "number": numbers.number,
        "whole": numbers.whole,
        "minus": numbers.minus,
        "percent": numbers.percent,
        "data_uri": data_uri,
    }
    environment.filters.update(filters)
    return environment


def _source(name: str) -> tuple[str, str, Callable[[], bool]] | None:
    """Read a template; a full path stands for itself, a mere name for a shared template."""
    path = SHARED / name
    if not path.is_file():
        return None
    changed = path.stat().st_mtime_ns
    return path.read_text("utf-8"), str(path), lambda: path.is_file() and path.stat().st_mtime_ns == changed
