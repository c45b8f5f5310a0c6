"""Codec from texts as conditions, such as captions, to tokens."""

from __future__ import annotations

import itertools
from typing import ClassVar

import numpy as np
import torch

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note, shown
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
        """Encode texts as tokens, without letters that the training texts didn't have, which are noted.

        Raises:
            ZaohuaError: an item is a dialogue, or holds only such letters.
        """
        parts, unknown = [], dict[str, None]()
        for where, item in located(items):
            if is_dialogue(item):
                raise ZaohuaError(f"{where} is a dialogue, and conditions are plain texts: join its messages")
            text = "".join(item)
            known = self.tokenizer_.known(text)
            if not known.all():
                unknown |= dict.fromkeys(letter for letter, ok in zip(text, known, strict=True) if not ok)
                kept = "".join(letter for letter, ok in zip(text, known, strict=True) if ok)
                if not kept.strip():
                    raise ZaohuaError(
                        f"{where}: no letter of {text!r:.40} occurs in the texts that the model learnt from"
                    )
                text = kept
            parts.append(self.tokenizer_.encode(text))
        if not parts:
            raise ZaohuaError("no texts: the list is empty")
        if unknown:
            note(f"left {shown(list(unknown))} out of texts: the model learnt from none with that")
        ends = torch.tensor(list(itertools.accumulate(map(len, parts))))
        starts = ends - torch.tensor([len(part) for part in parts])
        stream = torch.from_numpy(np.concatenate(parts).astype(np.int32))
        return Sequences(stream, starts, ends, PAD, apart=True)

    def describe(self, n: int | None = None) -> str:
        """Describe the texts as conditions."""
        return f"{counted(n, 'text')} in {counted(self.tokenizer_.size, self.tokenizer_.unit)}"
