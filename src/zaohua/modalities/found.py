"""What reading finds: items, what belongs to each of them, and their kind of data."""

from __future__ import annotations

from typing import Any, NamedTuple

from zaohua.modalities.modality import Modality


class Found(NamedTuple):
    """Result of reading: the items, their labels or None, and the kind of data; None if no kind recognises them."""

    items: Any
    labels: Any
    kind: Modality | None
