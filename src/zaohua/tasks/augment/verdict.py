"""What differences of scores say, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from zaohua.metrics.intervals import Interval

Word = Literal["helps", "no difference shown", "harms"]


def word(difference: Interval) -> Word:
    """Return what the interval of a difference of scores shows."""
    if difference.low > 0:
        return "helps"
    return "harms" if difference.high < 0 else "no difference shown"


def told(difference: Interval) -> str:
    """Return a difference in words, with its interval: "helps by 0.032 (0.019 to 0.045)"."""
    found = word(difference)
    if found == "no difference shown":
        return f"{found} ({difference.value:+.3f}, {difference.low:+.3f} to {difference.high:+.3f})"
    if found == "helps":
        return f"helps by {difference.value:.3f} ({difference.low:.3f} to {difference.high:.3f})"
    return f"harms by {-difference.value:.3f} ({-difference.high:.3f} to {-difference.low:.3f})"


def verdict(differences: Mapping[str, Interval], baseline: str, control: str) -> tuple[Word, str]:
    """Judge augmentation by its differences from several arms.

    It helps only if it is better than the baseline and than as many duplicates of real items: what a larger number of
    items does to a classifier by itself is no merit of samples.

    Args:
        differences: of the augmented arm from the others, by their names.
        baseline: name of the arm without samples.
        control: name of the arm of duplicates.

    Returns:
        The word, and the sentence.
    """
    over, beside = differences[baseline], differences[control]
    if word(over) == "helps" and word(beside) != "helps":
        return "no difference shown", (
            f"no difference shown: {told(over)} over {baseline}, but as many duplicates do as well: {told(beside)}"
        )
    return word(over), told(over)
