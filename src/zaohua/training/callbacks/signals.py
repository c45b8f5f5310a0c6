"""Stopping on signals: SIGINT and SIGTERM end training after the current step, with its state saved."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from zaohua.core.advice import either, quoted


class Stopped(KeyboardInterrupt):
    """Exception of a training that stopped on a signal (Ctrl-C, SIGTERM) after saving its state.

    Attributes:
        run: folder of the run; None if the training has none.
        signum: number of the signal; a program that it ends exits with 128 + signum.
    """

    def __init__(self, run: Path | None, signum: int, step: int):
        self.run, self.signum = run, signum
        where = "the model is as of the last step"
        if run is not None:
            where = "go on with " + either(
                f"zaohua.load({str(run)!r}).resume({str(run)!r})", f"zaohua resume {quoted(run)}"
            )
        saved = "" if run is None else f"saved at step {step}; " if step > 0 else "nothing could be saved; "
        super().__init__(f"stopped by {signal.Signals(signum).name}: {saved}{where}")


class SignalWatch:
    """Record of the signals that ask training to stop.

    Attributes:
        received: number of the first signal received; None if there was none.
    """

    received: int | None = None

    def handle(self, signum: int, frame: FrameType | None) -> None:
        """Record the first signal; exit immediately on the second."""
        if self.received is not None:
            os._exit(128 + signum)
        self.received = signum

    def raise_if_received(self, run: Path | None, step: int) -> None:
        """Raise `Stopped` if a signal was received; `step` is the last one saved."""
        if self.received is not None:
            raise Stopped(run, self.received, step)


@contextlib.contextmanager
def watch_signals() -> Iterator[SignalWatch]:
    """Record SIGINT and SIGTERM within the context; outside the main thread, where Python allows none, do nothing."""
    watch = SignalWatch()
    if threading.current_thread() is not threading.main_thread():
        yield watch
        return
    previous = {signum: signal.signal(signum, watch.handle) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield watch
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
