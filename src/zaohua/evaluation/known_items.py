"""What is said of test items that a model was trained on."""

from __future__ import annotations

from zaohua.evaluation.model import Seen


def known_items(found: Seen | None, n: int, noun: str, unit: str = "") -> tuple[float | None, list[str]]:
    """Return the share of test items that a model was trained on, and a warning if there are any.

    Args:
        found: the items among those of training; None if the model remembers none.
        n: number of test items.
        noun: noun for them, in the plural.
        unit: noun for the parts of them that are looked up; empty for whole items.

    Returns:
        The share, 0 if it isn't larger than among new items, None if it isn't known; and the warning.
    """
    if found is None or not found.accused:
        return (None if found is None else 0.0), []
    which = "" if found.checked == n or unit else " that could be checked"
    about = f", about {found.share:.0%} of all" if which or found.share > 1.01 * found.found / found.checked else ""
    return found.share, [
        f"{found.found:,} of {found.checked:,} {unit or noun} that this is measured by{which} were trained on{about}: "
        "the figures say how well the model knows them, not how good it is"
    ]
