"""Labels: names of classes, which models are conditioned on."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from zaohua.modalities.modality import Modality

if TYPE_CHECKING:
    from zaohua.modalities.base import Codec
    from zaohua.modalities.condition_base import ConditionCodec


class Labels(Modality):
    """Hashable names. They are conditions only: whatever no other kind of data recognises is taken for labels."""

    name: ClassVar[str] = "labels"
    noun: ClassVar[str] = "labels"
    given: ClassVar[str] = "a list of names"

    @property
    def codecs(self) -> tuple[type[Codec], ...]:
        """The codec of names."""
        from zaohua.modalities.labels.codec import LabelCodec

        return (LabelCodec,)

    @property
    def condition_codecs(self) -> tuple[type[ConditionCodec], ...]:
        """The codec of sets of labels."""
        from zaohua.modalities.labels.tags import TagCodec

        return (TagCodec,)

    def recognises(self, X: object) -> bool:
        """Return False: labels are never items to learn from."""
        return False
