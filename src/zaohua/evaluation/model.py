"""Interface of the models that are evaluated, whose class this layer doesn't know."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from zaohua.core.noise import Noise
    from zaohua.core.spec import DataSpec


class Codes(Protocol):
    """Encoded items, (n, ...): a tensor, or an object that reads a batch of them from disk."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: np.ndarray, /) -> Tensor: ...


class Seen(Protocol):
    """Number of given items that are training items, see `zaohua.estimator.seen`."""

    @property
    def found(self) -> int:
        """Number of items that are training items."""
        ...

    @property
    def checked(self) -> int:
        """Number of items that could be checked."""
        ...

    @property
    def share(self) -> float:
        """Estimated fraction of the items that are training items."""
        ...

    @property
    def accused(self) -> bool:
        """True if more of the items are training items than training items repeat one another."""
        ...


class Encoded(Protocol):
    """Encoded items with their encoded conditions."""

    @property
    def codes(self) -> Codes:
        """Codes of the items."""
        ...


class ModelCodec(Protocol):
    """Codec of a fitted model."""

    @property
    def representation(self) -> str:
        """Name of the tensors in the plural, such as "log-mel spectrograms"; empty if they are the items."""
        ...

    def prepare(self, codes: Tensor, noise: Noise) -> Tensor:
        """Convert a batch of codes to the tensor for the networks."""
        ...


class Model(Protocol):
    """Fitted model, with the methods that protocols call; see `zaohua.estimator.GenerativeModel`."""

    @property
    def spec_(self) -> DataSpec:
        """Description of an item's tensor."""
        ...

    @property
    def codec_(self) -> ModelCodec:
        """Codec of the items."""
        ...

    @property
    def y_codec_(self) -> object | None:
        """Codec of the conditions; None for an unconditional model."""
        ...

    @property
    def log_prob(self) -> Callable[..., Tensor]:
        """Log density of tensors, if the model has one."""
        ...

    @property
    def sample(self) -> Callable[..., Any]:
        """Draw new items; their type depends on the codec."""
        ...

    def count_seen(self, codes: Codes) -> Seen | None:
        """Count the encoded items that the model was trained on, or None if it remembers none."""
        ...

    def encode_items(self, X: object, y: object = None) -> Encoded:
        """Encode items and their conditions."""
        ...

    def encode_labelled(self, items: object, labels: object) -> tuple[Codes, Any, Any]:
        """Encode items, and return their codes, the label of each code, and the items that correspond to codes."""
        ...

    @property
    def attach_conditions(self) -> Callable[[Codes, object], Encoded]:
        """Encode the conditions of encoded items."""
        ...

    @property
    def map_items(self) -> Callable[..., np.ndarray]:
        """Apply a function of tensors to encoded items in batches."""
        ...
