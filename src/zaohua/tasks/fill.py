"""Fill in the marked gaps of texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zaohua.core.arguments import whole_number
from zaohua.core.errors import ZaohuaError, named, shown
from zaohua.core.noise import ItemNoise, derive_seed
from zaohua.core.record import Condition
from zaohua.core.seeds import RandomState
from zaohua.estimator.base import GenerativeModel
from zaohua.families.autoregressive.texts import TextModel

GAP = "___"
"""The usual mark of a gap."""
LONGEST = 60
"""Maximum number of characters in a gap whose length isn't given."""


@dataclass(frozen=True, eq=False)
class Filled:
    """Texts with their gaps filled in.

    Attributes:
        texts: the first answer: a text, or a list of them, as they were given.
        samples: all answers, `n_samples` of the same form as `texts`.
        how: how the gaps were filled in, in a sentence.
    """

    texts: str | list[str]
    samples: list[str] | list[list[str]]
    how: str


def fill(
    model: GenerativeModel,
    texts: str | Sequence[str],
    *,
    gap: str = GAP,
    length: int | None = None,
    longest: int = LONGEST,
    n_samples: int = 1,
    y: object = None,
    random_state: RandomState = None,
    **options: object,
) -> Filled:
    """Fill in the marked gaps of texts, from left to right; the text around them stays as it is.

        >>> zh.fill(model, "To be, or ___, that is the question").texts

    A gap is drawn given all text before it and that up to the next gap. A model that was trained with `fim` reads what
    follows before it writes. Another one draws candidates, and one of these by the likelihood of what follows.

    Args:
        model: fitted model of texts, such as a GPT.
        texts: a text, or a list of them, with one or more gaps each.
        gap: the mark of a gap; of a single letter repeated ("___"), longer runs are one gap, too.
        length: number of characters in each gap; None for any number up to `longest`.
        longest: maximum number of characters of a gap without a length.
        n_samples: number of answers; the first are the same for every number.
        y: condition of the texts, for a model that was fitted with conditions: one for all, or one for each.
        random_state: seed. None uses the model's own.
        options: fields of the model marked for sampling (temperature, candidates ...), for this call only; temperature
            0 takes the likeliest filling.

    Raises:
        ZaohuaError: the model isn't one of texts, a text has no gap, or no filling of that length was found.
    """
    if not isinstance(model, TextModel):
        raise ZaohuaError(f"fill takes a fitted model of texts, such as a GPT, not {named(model)}")
    model = model.with_options(**options)
    given = [texts] if isinstance(texts, str) else list(texts)
    mark, count = _mark(gap), whole_number("n_samples", n_samples)
    limits = (None if length is None else whole_number("length", length), whole_number("longest", longest))
    parts = [mark.split(_checked(text, mark, gap)) for text in given]
    _, codes = model.sample_conditions(len(given), y)
    seeds = model.seeds_for_sampling(random_state, len(given))
    answers = []
    with model.inference():
        for answer in range(count):
            noises = [ItemNoise([derive_seed(seed, "answer", answer)], model.device_) for seed in seeds]
            filled = []
            for row, (pieces, noise) in enumerate(zip(parts, noises, strict=True)):
                own = None if codes is None else codes[np.array([row])]
                if own is None and model.y_codec_ is not None:
                    own = model.y_codec_.draw(noise)
                filled.append(_filled(model, pieces, noise, model.prepare_conditions(own, noise), *limits))
            answers.append(filled)
    how = _how(model, any(len(pieces) > 2 for pieces in parts))
    if isinstance(texts, str):
        return Filled(answers[0][0], [answer[0] for answer in answers], how)
    return Filled(answers[0], answers, how)


def _how(model: TextModel, several: bool) -> str:
    """Say how gaps were filled in."""
    if model.fim:
        how = "drawn by a model that learnt to fill in gaps, having read what follows"
    else:
        how = f"one of {model.candidates} candidates for each gap, drawn by the likelihood of what follows: approximate"
    return f"{how}; each gap given the text up to the next" if several else how


def _mark(gap: str) -> re.Pattern[str]:
    """Compile the mark of a gap; more of the same letter is one gap, too.

    Raises:
        ZaohuaError: it is empty.
    """
    if not isinstance(gap, str) or not gap:
        raise ZaohuaError(f'the mark of a gap is a text, such as "___", not {shown(gap)}')
    same = len(set(gap)) == 1 and len(gap) > 1
    return re.compile(f"{re.escape(gap[0])}{{{len(gap)},}}" if same else re.escape(gap))


def _checked(text: object, mark: re.Pattern[str], gap: str) -> str:
    """Return a text with a gap.

    Raises:
        ZaohuaError: it is no text, or has no gap.
    """
    if not isinstance(text, str):
        raise ZaohuaError(f"fill takes a text, or a list of texts, not {named(text)}")
    if not mark.search(text):
        raise ZaohuaError(f"no gap in {shown(text)}: mark it with {gap}")
    return text


def _filled(
    model: TextModel, pieces: list[str], noise: ItemNoise, y: Condition | None, length: int | None, longest: int
) -> str:
    """Fill in the gaps between some pieces of a text, from left to right."""
    out = pieces[0]
    for number, after in enumerate(pieces[1:], 1):
        found = model.infill(out, after, noise, y, length=length, longest=longest)
        if found is None:
            wanted = f"of {length} characters" if length is not None else f"of at most {longest} characters"
            raise ZaohuaError(
                f"no filling {wanted} was found for gap {number}: allow more candidates or another length"
            )
        out += found + after
    return out
