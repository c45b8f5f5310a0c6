"""Types of values as `json` reads and writes them."""

from __future__ import annotations

from typing import Any, TypeAlias

JsonValue: TypeAlias = Any
"""A string, a number, a boolean, None, or a list or an object of JSON values; readers check what they need of it."""

Json: TypeAlias = dict[str, JsonValue]
"""A JSON object."""
