"""Secrets in texts: how far the likelihood of one stands out among all that it could have been.

A secret is marked by braces: "my card is {4929-6153}". It could have been any text of the same form: digits stand for
digits, small letters for small letters, capitals for capitals, and everything else for itself.
"""

from __future__ import annotations

import itertools
import math
import string
from collections.abc import Iterator

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.estimator.base import GenerativeModel
from zaohua.metrics.exposure import Exposure, exposure
from zaohua.modalities.texts.codec import TextCodec
from zaohua.tasks.audit.sides import AuditedItems

ALL, DRAWN = 10_000, 2_000
"""Number of possible secrets up to which all are scored, and of those that are drawn of more."""
ALPHABETS = (string.digits, string.ascii_lowercase, string.ascii_uppercase)


def exposure_of(model: GenerativeModel, text: str, random_state: int = 0) -> Exposure:
    """Compute the exposure of a secret.

    Args:
        model: fitted model of texts.
        text: the secret in braces, within the text that it would stand in.
        random_state: seed of the other secrets, if they are too many for all to be scored.

    Raises:
        ZaohuaError: the model isn't of texts, or the text has no secret in braces that could have been another one.
    """
    if not isinstance(getattr(model, "codec_", None), TextCodec) or not hasattr(model, "score_samples"):
        raise ZaohuaError(f"a {type(model).__name__} isn't a model of texts: only these have canaries in braces")
    before, secret, after = parts_of(text)
    alphabets = [alphabet_of(character) for character in secret]
    possible = math.prod(map(len, alphabets))
    if possible < 2:
        raise ZaohuaError(f"{text!r}: the part in braces has no digits or letters, so it could be nothing else")
    if possible <= ALL:
        others = [word for word in map("".join, itertools.product(*alphabets)) if word != secret]
    else:
        others = list(itertools.islice(_drawn(alphabets, secret, random_state), DRAWN))
    both = AuditedItems([f"{before}{word}{after}" for word in (secret, *others)])
    if model.y_codec_ is not None:
        raise ZaohuaError(f"this {type(model).__name__} writes texts of labels: canaries are for models without labels")
    nats = -model.score_encoded(both.encoded(model))
    return exposure(float(nats[0]), nats[1:], possible)


def parts_of(text: str) -> tuple[str, str, str]:
    """Split a text into what stands before the secret in braces, the secret, and what stands after it."""
    before, opening, rest = text.partition("{")
    secret, closing, after = rest.partition("}")
    if not opening or not closing or not secret:
        raise ZaohuaError(f"{text!r} marks no secret: put it in braces, such as 'my card is {{4929-6153}}'")
    return before, secret, after


def alphabet_of(character: str) -> str:
    """Return the characters that could stand in place of one."""
    return next((letters for letters in ALPHABETS if character in letters), character)


def _drawn(alphabets: list[str], secret: str, random_state: int) -> Iterator[str]:
    """Draw different secrets other than this one, at random."""
    rng, seen = np.random.default_rng(random_state), {secret}
    while True:
        word = "".join(letters[rng.integers(len(letters))] for letters in alphabets)
        if word not in seen:
            seen.add(word)
            yield word
