"""Short English sentences made by a grammar: "the old farmer opened a small window in the morning"."""

from __future__ import annotations

import random

PEOPLE = (
    "farmer teacher doctor soldier sister brother mother father captain painter singer driver student lawyer".split()
)
LOOKS = "old young happy tired quiet clever famous strong careful friendly".split()
VERBS = "opened closed carried painted followed remembered watched wanted found bought sold forgot".split()
THINGS = "window letter garden table picture flower bottle ticket camera mountain river station village market".split()
KINDS = "small large yellow green heavy broken beautiful little expensive wooden".split()
PLACES = [
    "in the morning",
    "on monday",
    "before dinner",
    "after the meeting",
    "near the hospital",
    "behind the church",
    "at midnight",
    "in the summer",
    "with a smile",
    "for his family",
    "without a word",
    "in the city",
]
LONGEST = 45
"""Letters of a sentence."""


def sentence(rng: random.Random) -> str:
    """Make one sentence of four to nine words."""
    who = [rng.choice(("the", "a", "my", "her")), *rng.sample(LOOKS, rng.random() < 0.5), rng.choice(PEOPLE)]
    what = [rng.choice(("the", "a", "another", "every")), *rng.sample(KINDS, rng.random() < 0.5), rng.choice(THINGS)]
    where = [rng.choice(PLACES)] if rng.random() < 0.6 else []
    words = " ".join([*who, rng.choice(VERBS), *what, *where]).split()
    return " ".join(
        "an" if word == "a" and after[0] in "aeiou" else word
        for word, after in zip(words, [*words[1:], "."], strict=True)
    )


def sentences(n: int, seed: int) -> list[str]:
    """Make n different sentences of at most 45 letters."""
    rng, found = random.Random(seed), dict[str, None]()
    while len(found) < n:
        text = sentence(rng)
        if len(text) <= LONGEST:
            found[text] = None
    return list(found)
