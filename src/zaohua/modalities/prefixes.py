"""Names of options of codecs that begin with the kind of data, as in image_channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zaohua.modalities.base import Codec

PREFIXED = ("channels", "patch", "steps")
"""Options of codecs that begin with the kind of data for every model, as in image_channels.

Several kinds of data, or a network, mean something else by these names; a test finds those that are missing here.
"""


def prefix(codec: type[Codec]) -> str:
    """Return what names of options begin with: "image_" for images, "series_" for series."""
    name = str(codec.modality)
    return f"{name if name.endswith('ies') else name.removesuffix('s')}_"
