"""What watches a training: signals that ask it to stop, and TensorBoard."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zaohua.core.errors import ZaohuaError

if TYPE_CHECKING:
    from zaohua.training.events import Callback, Event


class Stopped(KeyboardInterrupt):
    """Training was asked to stop (Ctrl-C, SIGTERM), and saved its state first.

    Attributes:
        run: the run's folder, None when there is none.
        signum: the signal; a program that ends by it exits with 128 + signum.
    """

    def __init__(self, run: Path | None, signum: int, step: int):
        self.run, self.signum = run, signum
        where = "the model is as of the last step" if run is None else f"go on with --resume --out {run}"
        saved = "" if run is None else f"saved at step {step}; " if step > 0 else "nothing could be saved; "
        super().__init__(f"stopped by {signal.Signals(signum).name}: {saved}{where}")


class Signals:
    """Whether a signal has come."""

    received: int | None = None

    def handle(self, signum: int, frame: Any) -> None:
        """Note the first signal; exit at once at the second."""
        if self.received is not None:
            os._exit(128 + signum)
        self.received = signum

    def raise_if_received(self, run: Path | None, step: int) -> None:
        """Raise `Stopped` if a signal has come; `step` is the last one saved."""
        if self.received is not None:
            raise Stopped(run, self.received, step)


@contextlib.contextmanager
def signals() -> Iterator[Signals]:
    """Catch SIGINT and SIGTERM while inside; only the main thread can, others just go on."""
    caught = Signals()
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    before = {s: signal.signal(s, caught.handle) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def tensorboard(folder: Path) -> Callback:
    """A callback that writes every record for TensorBoard."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ZaohuaError("tensorboard=True needs the tensorboard package: pip install 'zaohua[tensorboard]'") from None
    writer = SummaryWriter(str(folder))

    def write(event: Event) -> None:
        for name, value in event.record.items():
            if isinstance(value, float):
                writer.add_scalar(name, value, event.step)
        writer.flush()

    return write
