"""Codec from texts as conditions, such as captions, to tokens."""

from __future__ import annotations

import itertools
from typing import ClassVar

import numpy as np
import torch

from zaohua.core.errors import ZaohuaError
from zaohua.core.spec import PAD
from zaohua.modalities.base import counted
from zaohua.modalities.sequences import Sequences
from zaohua.modalities.texts.codec import TextCodec, located
from zaohua.modalities.texts.dialogues import is_dialogue
from zaohua.modalities.texts.files import TextsLike


class CaptionCodec(TextCodec):
    """Texts as conditions <-> their tokens without an END, so that an empty text is no condition.

    The options are those of `TextCodec`.
    """

    representation: ClassVar[str] = "tokens of conditions"

    def encode(self, items: TextsLike) -> Sequences:
        """Encode texts as tokens.

        Raises:
            ZaohuaError: an item is a dialogue, or holds letters that training texts didn't.
        """
        parts = []
        for where, item in located(items):
            if is_dialogue(item):
                raise ZaohuaError(f"{where} is a dialogue, and conditions are plain texts: join its messages")
            parts.append(np.concatenate([np.empty(0, np.int64), *self._encoded(item, where)]))
        if not parts:
            raise ZaohuaError("no texts: the list is empty")
        ends = torch.tensor(list(itertools.accumulate(map(len, parts))))
        starts = ends - torch.tensor([len(part) for part in parts])
        stream = torch.from_numpy(np.concatenate(parts).astype(np.int32))
        return Sequences(stream, starts, ends, PAD, apart=True)

    def describe(self, n: int | None = None) -> str:
        """Describe the texts as conditions."""
        return f"{counted(n, 'text')} in {counted(self.tokenizer_.size, self.unit)}"
