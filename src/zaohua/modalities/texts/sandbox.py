"""Jinja's sandbox with limits, for programs that come from outside.

What they may compute is limited: the length of each text and number, of all that is written, and the time. The filters
and methods that can make long texts of short ones without a limit are left out.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jinja2
import jinja2.ext
import jinja2.filters
from jinja2 import nodes
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

MOST = 1 << 24
"""Number of characters that a template may write, of a text, and of items of a list."""
SECONDS = 5.0
"""Time that a template may take."""
PART = 64
"""Characters for which a part of a list counts that is made a text."""
BITS = 128
"""Bits of the integers that it may compute."""
TODAY = datetime(2024, 7, 26)
"""The date that templates are told, which is that of Llama's: a model shall read the same today and tomorrow."""
WITHOUT = ("batch", "center", "format", "pprint", "random", "slice", "sum", "urlize", "wordwrap", "xmlattr")
"""Filters that are left out."""
METHODS = frozenset({"center", "expandtabs", "format", "format_map", "ljust", "rjust", "translate", "zfill"})
"""Methods of texts that are left out."""


class Refused(Exception):
    """What a template says, or does, that ends it."""


@dataclass
class Budget:
    """What is left to a template.

    Attributes:
        until: when it must be done.
        room: characters that it may still write.
    """

    until: float
    room: int

    def spend(self, characters: int) -> None:
        """Count what is written; raise `Refused` where it is too much or too late."""
        self.room -= characters
        if self.room < 0:
            raise Refused(f"it writes more than {MOST:,} characters")
        if time.monotonic() > self.until:
            raise Refused(f"it takes more than {SECONDS:g} seconds")


_BUDGET: ContextVar[Budget] = ContextVar("budget")


@contextmanager
def limited() -> Iterator[Budget]:
    """Limit what templates do inside the context; yield what is left to them."""
    budget = Budget(time.monotonic() + SECONDS, MOST)
    token = _BUDGET.set(budget)
    try:
        yield budget
    finally:
        _BUDGET.reset(token)


class Environment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox with the options, functions and filters of chat templates, and limits."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True, lstrip_blocks=True, extensions=[_Limits, jinja2.ext.loopcontrols], finalize=_written
        )
        for name in WITHOUT:
            del self.filters[name]
        self.filters |= {"join": _joined, "replace": _replaced, "string": _text, "tojson": _json, "indent": _indented}
        del self.globals["lipsum"]
        self.globals |= {"raise_exception": _refuse, "strftime_now": TODAY.strftime, "namespace": _Namespace}

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        """Return whether a template may read an attribute."""
        return super().is_safe_attribute(obj, attr, value) and not (isinstance(obj, str) and attr in METHODS)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute an operation, unless its result is too large."""
        sizes = [len(each) if hasattr(each, "__len__") else None for each in (left, right)]
        if operator == "%" and isinstance(left, str):
            raise Refused("it formats texts by %, which isn't supported")
        if operator == "**" and not (_small(left) and _small(right)):
            raise Refused("it computes a power of large numbers")
        if operator == "*" and sizes != [None, None]:
            count = right if sizes[1] is None else left
            _check((sizes[0] or sizes[1] or 0) * max(0, int(count)))
        elif operator == "+":
            _check(sum(size or 0 for size in sizes))
        elif any(isinstance(each, int) and each.bit_length() > BITS for each in (left, right)):
            raise Refused("it computes with large numbers")
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function or a method, unless the text that it returns is too long."""
        own = getattr(obj, "__self__", None)
        if isinstance(own, str) and obj.__name__ in ("join", "replace"):
            limited = _replaced if obj.__name__ == "replace" else _joined_by
            obj = functools.partial(limited, own)
        return super().call(context, obj, *args, **kwargs)


class _Limits(jinja2.ext.Extension):
    """Tag `{% generation %}`, which is transparent, and what `Counted` puts into loops and functions.

    Which part of a text is the answer is found by what the template writes without it, as not all templates have the
    tag, and where some put it is not where an answer begins.
    """

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Return what is within the tag."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    def spend(self, characters: int) -> bool:
        """Count a passage of a loop, or a call of a function."""
        _BUDGET.get().spend(characters)
        return True

    def joined(self, *parts: object) -> str:
        """Join texts, as `~` does."""
        return _joined(parts)


class Counted(NodeTransformer):
    """Transformation of a template so that each passage of a loop and each call of a macro is counted."""

    def __init__(self, environment: Environment):
        self.limits = environment.extensions[_Limits.identifier]

    def _spend(self, node: nodes.Node) -> nodes.Call:
        """Return the call that counts what a node writes itself."""
        size = sum(len(each.data) for each in node.find_all(nodes.TemplateData))
        size += sum(len(each.value) for each in node.find_all(nodes.Const) if isinstance(each.value, str))
        return nodes.Call(self.limits.attr("spend"), [nodes.Const(size)], [], None, None, lineno=node.lineno)

    def visit_For(self, node: nodes.For) -> nodes.Node:
        """Count the passages of a loop, and the items that it leaves out."""
        self.generic_visit(node)
        node.body.insert(0, nodes.ExprStmt(self._spend(node), lineno=node.lineno))
        if node.test is not None:
            node.test = nodes.And(self._spend(node), node.test, lineno=node.lineno)
        return node

    def _visit_function(self, node: nodes.Macro | nodes.CallBlock) -> nodes.Node:
        self.generic_visit(node)
        node.body.insert(0, nodes.ExprStmt(self._spend(node), lineno=node.lineno))
        return node

    visit_Macro = visit_CallBlock = _visit_function

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        """Join texts up to a length."""
        self.generic_visit(node)
        return nodes.Call(self.limits.attr("joined"), node.nodes, [], None, None, lineno=node.lineno)


class _Namespace(jinja2.utils.Namespace):
    """Namespace without names that begin with an underscore, through which one might leave the sandbox."""

    def __init__(self, /, **values: object) -> None:
        if any(name.startswith("_") for name in values):
            raise Refused("it names an attribute with an underscore")
        super().__init__(**values)

    def __setitem__(self, name: str, value: object) -> None:
        if name.startswith("_"):
            raise Refused("it names an attribute with an underscore")
        super().__setitem__(name, value)


# ---- functions and filters


def _check(size: int) -> None:
    if size > MOST:
        raise Refused(f"it makes a text or a list of more than {MOST:,}")


def _small(value: object) -> bool:
    return isinstance(value, (int, float)) and abs(value) <= 64


def _text(value: object) -> str:
    """Return a value as a text, unless it is too long, as a list of lists of lists may be."""
    left, parts = MOST, [value]
    while parts and left > 0:
        part = parts.pop()
        left -= len(part) if isinstance(part, str) else PART
        if isinstance(part, Mapping):
            parts += [*part.keys(), *part.values()]
        elif isinstance(part, (list, tuple)):
            parts += part
    _check(0 if left > 0 else MOST + 1)
    return str(value)


def _written(value: object) -> object:
    """Count what an expression writes."""
    budget = _BUDGET.get(None)
    if budget is None:  # a constant, which is written when the template is compiled
        return value
    text = _text(value)
    budget.spend(len(text))
    return text


def _refuse(message: object) -> None:
    raise Refused(str(message))


def _replaced(text: object, old: object, new: object, count: int = -1) -> str:
    text, old, new = map(_text, (text, old, new))
    _check(len(text) + text.count(old) * len(new))
    return text.replace(old, new, count)


def _joined(values: Iterable[object], separator: object = "", attribute: str | None = None) -> str:
    found = values if attribute is None else [each[attribute] for each in values if isinstance(each, Mapping)]
    texts, between = list(map(_text, found)), _text(separator)
    _check(sum(map(len, texts)) + len(texts) * len(between))
    return between.join(texts)


def _joined_by(separator: str, values: Iterable[object]) -> str:
    return _joined(values, separator)


def _json(
    value: object,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Write JSON without escapes for HTML, unlike Jinja's filter of that name."""
    _text(value)
    if indent is not None and not _small(indent):
        raise Refused(f"it indents by {indent!s:.20}")
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _indented(text: object, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    lines = _text(text)
    _check(len(lines) + (lines.count("\n") + 1) * (len(width) if isinstance(width, str) else max(0, int(width))))
    return jinja2.filters.do_indent(lines, width, first, blank)
