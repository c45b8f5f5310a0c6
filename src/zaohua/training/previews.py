"""Items that are sampled and written during training, to look at; a preview that fails never ends the training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zaohua.storage.provenance.origin import Origin, recorded

if TYPE_CHECKING:
    from zaohua.training.trainable import Trainable


def make_preview(model: Trainable, folder: Path | None, step: int) -> tuple[object | None, str]:
    """Sample items as a preview, and write them to a folder.

    Args:
        model: the model in its current state.
        folder: where to write them; None doesn't.
        step: step of the training, which names the files.

    Returns:
        The items, or None if they couldn't be made; and what went wrong, or an empty text.
    """
    try:
        items: object = model.sample(model.codec_.previewed, random_state=0)
    except Exception as error:  # whatever it is, hours of training are worth more than a picture
        return None, f"no preview of step {step}: {_reason(error)}"
    if folder is not None:
        try:
            with recorded(Origin(type(model).__name__, seed=0)):  # of weights that will change
                model.codec_.write_preview(items, folder / f"{step:07d}")
        except Exception as error:
            return items, f"the preview of step {step} isn't saved: {_reason(error)}"
    return items, ""


def _reason(error: Exception) -> str:
    """Describe an error in one line."""
    text = " ".join(str(error).split())
    return text[:300] if text else type(error).__name__
