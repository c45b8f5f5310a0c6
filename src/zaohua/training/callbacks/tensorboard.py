"""Writing the history of a training for TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError

if TYPE_CHECKING:
    from zaohua.training.events import Callback, Event


def tensorboard(folder: Path) -> Callback:
    """Create a callback that writes every record for TensorBoard.

    Args:
        folder: folder of the event files.

    Raises:
        ZaohuaError: the tensorboard package isn't installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ZaohuaError(
            f"{option('tensorboard', True)} needs the tensorboard package: pip install 'zaohua[tensorboard]'"
        ) from None
    writer = SummaryWriter(str(folder))

    def write(event: Event) -> None:
        for name, value in event.record.items():
            if isinstance(value, float):
                writer.add_scalar(name, value, event.step)
        writer.flush()

    return write
