"""Listeners that are told of the data of a model as soon as they are encoded, before anything is learnt from them.

`fit`, `resume` and `finetune` all tell, so that the command line describes the data in the same way for each, without
reading or encoding them twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple, TypeAlias

from zaohua.modalities.base import Codec
from zaohua.modalities.condition_base import ConditionCodec


class EncodedData(NamedTuple):
    """Description of encoded training data.

    Attributes:
        codec: fitted codec of the items.
        y_codec: fitted codec of their conditions, or None.
        n_items: number of items.
    """

    codec: Codec
    y_codec: ConditionCodec | None
    n_items: int


Listener: TypeAlias = Callable[[EncodedData], None]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call a function with the description of all data that models encode for training inside the context."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def tell(data: EncodedData) -> None:
    """Call the listener, if there is one."""
    listener = _listener.get()
    if listener is not None:
        listener(data)
