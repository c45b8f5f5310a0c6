"""Measure how much of a model's texts stands word for word in what it was trained on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zaohua import modalities
from zaohua.core.errors import ZaohuaError
from zaohua.metrics.copies import Copies, copies
from zaohua.modalities.datasets import known
from zaohua.modalities.texts.codec import TextCodec
from zaohua.modalities.texts.corpus import Corpus, alike


@dataclass(frozen=True)
class Report:
    """What a model copies, and what real texts have in common with the training text anyway.

    Attributes:
        made: of its samples.
        real: the same of as many held-out texts of the same lengths; None when there are none.
        corpus: what the training text is.
        reference: what the held-out texts are of.
    """

    made: Copies
    real: Copies | None
    corpus: str
    reference: str


def copy_report(
    model: Any,
    texts: Sequence[str] | None = None,
    *,
    data: Any = None,
    held_out: Any = None,
    n: int = 30,
    n_samples: int = 32,
    random_state: int | None = None,
) -> Report:
    """Measure how much of a model's samples stands in its training text in runs of `n` characters or more.

    Args:
        model: of texts.
        texts: what it made; samples are drawn when not given.
        data: what it was trained on; not needed when that was a path or the name of a data set.
        held_out: texts to compare with. When not given, the test split of a named data set, else the share at the end
            of the text that training held out.
        n: characters from which a run counts.
        n_samples, random_state: of the samples.

    Raises:
        ZaohuaError: the model isn't of texts, or what it was trained on isn't known.
    """
    if not isinstance(getattr(model, "codec_", None), TextCodec):
        raise ZaohuaError(f"a {type(model).__name__} is no model of texts")
    data = data if data is not None else (model.source_ or {}).get("X")
    if data is None:
        raise ZaohuaError("the model was trained on data in memory: say on which (data)")
    items, _ = modalities.read(data)
    texts = model.sample(n_samples, random_state=random_state) if texts is None else list(texts)
    corpus, rest, reference = _split(model, data, items, held_out)
    made = copies(texts, corpus, n)
    if rest is None:
        return Report(made, None, _name(data), "")
    return Report(made, copies(alike("".join(rest), [len(text) for text in texts]), corpus, n), _name(data), reference)


def _split(model: Any, data: Any, items: Any, held_out: Any) -> tuple[Corpus, Corpus | None, str]:
    """Return the training text, the held-out text or None, and what the latter is."""
    if held_out is not None:
        return Corpus(items), Corpus(modalities.read(held_out)[0]), _name(held_out)
    if isinstance(data, str) and data in known() and not Path(data).exists() and "test" in known()[data].splits:
        return Corpus(items), Corpus(modalities.read(data, split="test")[0]), f"{data}, test split"
    if model.y_codec_ is not None or model.apart_ or not model.validation_fraction:
        return Corpus(items), None, ""  # what was held out lies all over it
    length = sum(map(len, Corpus(items)))
    cut = length - math.ceil(model.validation_fraction * length)
    return Corpus(items, 0, cut), Corpus(items, cut), f"its last {model.validation_fraction:.0%}, held out"


def _name(data: Any) -> str:
    return str(data) if isinstance(data, (str, Path)) else "data in memory"
