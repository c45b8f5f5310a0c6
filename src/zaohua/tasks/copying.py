"""Verbatim overlap of a text model's samples with its training text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from zaohua import modalities
from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.source import located
from zaohua.families.autoregressive.tokens import TokenModel
from zaohua.metrics.text_overlap import TextOverlap, text_overlap
from zaohua.modalities.datasets import known
from zaohua.modalities.texts.codec import TextCodec
from zaohua.modalities.texts.corpus import Corpus, alike
from zaohua.modalities.texts.files import TextsLike
from zaohua.modalities.texts.held_out import divided


@dataclass(frozen=True)
class Report:
    """Overlap of samples with the training text, and that of held-out real texts for comparison.

    Attributes:
        samples: overlap of the model's samples.
        real: overlap of equally many held-out texts of the same lengths; None if there are none.
        corpus: name of the training text.
        reference: description of the held-out texts.
    """

    samples: TextOverlap
    real: TextOverlap | None
    corpus: str
    reference: str


def copy_report(
    model: GenerativeModel,
    texts: Sequence[str] | None = None,
    *,
    data: object = None,
    held_out: object = None,
    n: int = 30,
    n_samples: int = 32,
    random_state: int | None = None,
) -> Report:
    """Measure how much of a model's samples occurs in its training text in passages of `n` characters or more.

    Args:
        model: a fitted model of texts.
        texts: samples of the model; default: `n_samples` new ones.
        data: its training data; only needed if that wasn't a path or the name of a data set.
        held_out: real texts to compare with. Default: the test split of a named data set, or the end of the text that
            training held out for validation.
        n: minimum length of a passage, in characters.
        n_samples, random_state: number of samples to draw, and their seed.

    Raises:
        ZaohuaError: the model isn't of texts, or its training data are unknown.
    """
    if not isinstance(model, TokenModel) or not isinstance(getattr(model, "codec_", None), TextCodec):
        raise ZaohuaError(f"a {type(model).__name__} isn't a model of texts")
    data = data if data is not None else located(model.source_, f"give them ({option('data')})")
    if data is None:
        raise ZaohuaError(f"the model was trained on data in memory: give them ({option('data')})")
    items = _texts(data)
    texts = model.sample(n_samples, random_state=random_state) if texts is None else list(texts)
    corpus, rest, reference = _split(model, data, items, held_out)
    overlap = text_overlap(texts, corpus, n)
    if rest is None:
        return Report(overlap, None, _name(data), "")
    return Report(
        overlap, text_overlap(alike("".join(rest), [len(text) for text in texts]), corpus, n), _name(data), reference
    )


def _split(model: TokenModel, data: object, items: TextsLike, held_out: object) -> tuple[Corpus, Corpus | None, str]:
    """Return the training text, the held-out text or None, and what the latter is."""
    if held_out is not None:
        return Corpus(items), Corpus(_texts(held_out)), _name(held_out)
    if isinstance(data, str) and data in known() and not Path(data).exists() and "test" in known()[data].splits:
        return Corpus(items), Corpus(_texts(data, "test")), f"{data}, test split"
    found = divided((model,), items)
    if found is None:
        return Corpus(items), None, ""
    before, after, *_ = found
    learnt, rest = (sum(len(piece) for piece in Corpus(texts)) for texts in (before, after))
    return Corpus(before), Corpus(after), f"{rest / (learnt + rest):.0%} of it, held out"


def _texts(data: object, split: str | None = None) -> TextsLike:
    """Read texts or dialogues."""
    items, _ = modalities.read(data, split=split, modality=TextCodec.modality)
    return cast(TextsLike, items)  # what that modality reads


def _name(data: object) -> str:
    return str(data) if isinstance(data, (str, Path)) else "data in memory"
