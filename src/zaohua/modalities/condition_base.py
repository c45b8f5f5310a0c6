"""Base of codecs of conditions y: items -> codes -> what networks take, one tensor or a record of several.

Every codec of items (`base.Codec`) is one, so y may be whatever x may be; a record of named conditions has a codec of
its own, `records.codec.RecordCodec`.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self, TypeAlias

import numpy as np
from typing_extensions import TypeVar

from zaohua.core.errors import ZaohuaError, named
from zaohua.core.json import Json
from zaohua.core.params import check_fields, fields_of
from zaohua.core.spec import DataSpec
from zaohua.core.with_fields import WithFields

if TYPE_CHECKING:
    from torch import Tensor

    from zaohua.core.noise import Noise
    from zaohua.core.record import Record

ItemsT = TypeVar("ItemsT", default=Any)
"""Collections of items that a codec takes and returns: `class MyCodec(Codec[np.ndarray])`; a bare `Codec` takes any."""
BatchT = TypeVar("BatchT", default=Any)
"""What networks take for a batch: a Tensor, or a Record."""
BatchOf = TypeVar("BatchOf", covariant=True, default=Any)


class CodesOf(Protocol[BatchOf]):
    """Encoded items, in memory or on disk, from which batches are gathered.

    A class other than Tensor must be picklable, since worker processes gather from it, unless it has the attribute
    `at_hand`, because batches are gathered at negligible cost.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, indices: np.ndarray, /) -> BatchOf:
        """Return the codes of the items at `indices`, an array of integers."""
        ...


ConditionCodes: TypeAlias = "CodesOf[Tensor | Record]"
"""Encoded conditions."""


class ConditionCodec(WithFields, ABC, Generic[ItemsT, BatchT]):
    """Base of codecs of conditions: keyword-only dataclasses of options whose fitted state ends in `_`."""

    modality: ClassVar[str] = ""
    """Name of the kind of data whose items it encodes."""
    representation: ClassVar[str] = ""
    """Noun for the tensors of items, in the plural: "log-mel spectrograms"."""

    column: ClassVar[str] = ""
    """Name of the column of such conditions in a table of files; "" for conditions that are files themselves."""

    @abstractmethod
    def fit(self, items: ItemsT) -> Self:
        """Learn the spec (`spec_`) and whatever decoding needs from the training items."""
        self.spec_: DataSpec  # declared here: an annotation in the class would make it an option
        return self

    def opened(self, items: ItemsT) -> Any:
        """Return what `encode` encodes one to one: `items`, without those that are files and can't be read.

        If any are left out, what is returned has `rows`, the indices of the others.
        """
        return items

    @abstractmethod
    def encode(self, items: ItemsT) -> CodesOf[BatchT]:
        """Encode items; raise a `ZaohuaError` that names the first that can't be encoded."""

    @abstractmethod
    def prepare(self, codes: BatchT, noise: Noise, train: bool = False) -> BatchT:
        """Convert a batch of codes to what networks see, as described by `spec_`; see `Codec.prepare`."""

    @abstractmethod
    def decode(self, x: BatchT) -> ItemsT:
        """Convert a batch as networks see it to items."""

    def learns(self) -> str:
        """Return what a fitted codec tells of its data, which no guarantee of privacy covers; "" if nothing."""
        return f"what was learnt to encode {self.representation or 'conditions'}"

    @abstractmethod
    def describe(self, n: int | None = None) -> str:
        """Describe fitted items in a phrase; `n` is their number, None to leave it out."""

    @abstractmethod
    def as_items(self, y: object, n: int | None) -> ItemsT:
        """Return the user's y as a list of conditions: n (or 1) copies of a single one, or a given list unchanged."""

    def typed(self, text: str, several: bool = False) -> Sequence[object] | None:
        """Return the conditions that a text stands for, as people type them; None if such conditions are files.

        Args:
            text: what was typed.
            several: whether commas may separate several conditions, where none can hold a comma itself.

        Raises:
            ZaohuaError: it stands for none that the model knows.
        """
        return None

    def knows(self, items: ItemsT) -> np.ndarray:
        """Return a mask of the conditions that `encode` accepts, bool (n,): all of them, unless a codec lists them."""
        return np.ones(_count(items), bool)

    def draw(self, noise: Noise) -> BatchT | None:
        """Draw codes of conditions with their training frequencies; return None if conditions can't be drawn."""
        return None

    def log_prior(self) -> np.ndarray | None:
        """Return the log-frequency of each possible condition; None if they can't be listed."""
        return None

    # ---- plain JSON, so that a saved model needs no pickle

    def get_params(self, deep: bool = True) -> Json:
        """Return the options by name (scikit-learn's convention, so that `clone` and grid search work)."""
        return {name: getattr(self, name) for name in fields_of(type(self))}

    def set_params(self, **params: object) -> Self:
        """Set options by name.

        Raises:
            ZaohuaError: there is no such option, or its value is invalid.
        """
        for name, value in type(self).accepted(params).items():
            setattr(self, name, value)
        check_fields(self)
        return self

    def options(self) -> Json:
        """Return the options by name, as JSON values."""
        return self.get_params()

    @classmethod
    def from_options(cls, options: Json) -> Self:
        """Create an unfitted codec from the result of `options`."""
        return cls(**{name: tuple(v) if isinstance(v, list) else v for name, v in options.items()})

    def state(self) -> Json:
        """Return the fitted state beyond the spec, as JSON values."""
        return {}

    def set_state(self, state: Json) -> None:
        """Restore the result of `state`."""

    def to_json(self) -> Json:
        """Return class name, options, spec and state as JSON values."""
        spec = self.spec_.to_json() if hasattr(self, "spec_") else None
        out = {"codec": self.stored_name(), "options": self.options(), "spec": spec, "state": self.state()}
        stored: Json = json.loads(json.dumps(out))  # lists for tuples: equal to what is read back from a file
        return stored

    @classmethod
    def stored_name(cls) -> str:
        """Return the name under which `model.json` stores the class: ours by its name, others as "module:name"."""
        ours = cls.__module__.startswith("zaohua.modalities.")
        return cls.__name__ if ours else f"{cls.__module__}:{cls.__qualname__}"

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{k}={getattr(self, k)!r}" for k, f in fields_of(type(self)).items() if getattr(self, k) != f.default
        )
        return f"{type(self).__name__}({shown})"


def _count(items: object) -> int:
    """Return the number of items of a list, an array or a collection of files."""
    if not hasattr(items, "__len__"):
        raise ZaohuaError(f"items must be a list or an array of them, not {named(items)}")
    return len(items)
