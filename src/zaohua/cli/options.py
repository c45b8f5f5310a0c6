"""Values of the options of a command."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


class Options(dict[str, object]):
    """Values of the flags of a command by name, which `parse` has converted to the types of the flags."""

    def of(self, name: str, kind: type[T]) -> T:
        """Return a value of a flag that always has one, such as `options.of("out", str)`."""
        value = self[name]
        assert isinstance(value, kind), f"the flag {name} isn't of the type {kind.__name__}"
        return value

    def optional(self, name: str, kind: type[T]) -> T | None:
        """Return the value of a flag, or None if it has none."""
        return None if self[name] is None else self.of(name, kind)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the values of a flag that can be given several times."""
        return tuple(map(str, self.of(name, tuple)))
