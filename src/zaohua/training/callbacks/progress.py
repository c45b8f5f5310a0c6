"""Progress bars of training and other long work with the remaining time, on stderr; plain lines without a terminal."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from zaohua.core.json import Json

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from zaohua.training.events import Callback, Event

BAR_SECONDS, LINE_SECONDS = 0.2, 10.0
"""Seconds between two updates of a bar, and between two lines."""


class Meter:
    """Display of how far work is, with the remaining time. Use it in a `with` block.

    Args:
        label: name of the work.
        stream: stream to write to; stderr by default.
        quiet: True to show nothing but what `line` is given.
    """

    def __init__(self, label: str, stream: TextIO | None = None, quiet: bool = False):
        self.label, self.quiet = label, quiet
        self.stream = sys.stderr if stream is None else stream
        self.bar: Bar | None = None
        self.began = self.shown = 0.0
        self.initial: float | None = None

    def __enter__(self) -> Self:
        if self.stream.isatty() and not self.quiet:
            self.bar = make_bar(self.stream)
            self.task = self.bar.add_task(self.label, total=1.0, details="", left="")
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def begin(self, progress: float) -> None:
        """Measure the time from now, if it isn't measured yet.

        Args:
            progress: fraction of the work that is done already.
        """
        if self.initial is None:
            self.began, self.initial = time.perf_counter(), progress

    def is_due(self) -> bool:
        """Return whether it is time to show the progress again, and if so, assume that it is shown."""
        now, every = time.perf_counter(), LINE_SECONDS if self.bar is None else BAR_SECONDS
        if self.quiet or now - self.shown < every:
            return False
        self.shown = now
        return True

    def show(self, progress: float, details: str, left: str | None = None) -> None:
        """Update the bar, or print a line.

        Args:
            progress: fraction of the work that is done.
            details: what else there is to say.
            left: what is said of the time; None for the estimated remaining time.
        """
        left = self._left(progress) if left is None else left
        if self.bar is not None:
            self.bar.update(self.task, completed=progress, details=details, left=left)
        else:
            self.line(f"{self.label}: {progress:4.0%}  {details}  {left}".rstrip())

    def _left(self, progress: float) -> str:
        """Return the estimated remaining time as text; empty if it is too early to tell."""
        done = progress - (self.initial or 0.0)
        if done < 0.005:
            return ""
        return f"{clock((time.perf_counter() - self.began) * (1 - progress) / done)} left"

    def line(self, line: str) -> None:
        """Print a line, above the bar if there is one."""
        if self.bar is not None:
            self.bar.console.print(line, highlight=False, markup=False)
        else:
            print(line, file=self.stream, flush=True)


class Progress(Meter):
    """Callback of `fit` that shows the progress of training. Use it in a `with` block.

    Args:
        label: name of the model that is trained.
        stream: stream to write to; stderr by default.
        quiet: True to show only warnings.
    """

    def __init__(self, label: str, stream: TextIO | None = None, quiet: bool = False):
        super().__init__(label, stream, quiet)
        self.record: Json = {}

    def __call__(self, event: Event) -> None:
        """Show the progress at an event of training."""
        self.begin(event.progress)
        self.record.update(event.record)
        if event.kind == "warning":
            self.line(f"{self.label}: warning: {event.message}")
        if self.quiet:
            return
        if self.is_due() or event.kind == "end":
            self._show(event)
        if event.kind in ("note", "end") and event.message:
            self.line(f"{self.label}: {'note: ' if event.kind == 'end' else ''}{event.message}")

    def _show(self, event: Event) -> None:
        """Show the step, the measures and the time; at the end, the total time."""
        ends = event.kind == "end"
        progress = 1.0 if ends and event.progress > 0.999 else min(event.progress, 1.0)
        step = f"step {event.step:,}" + (f"/{event.total:,}" if event.total and event.total >= event.step else "")
        details = "  ".join([step, *self._measures()])
        self.show(progress, details, f"{clock(event.elapsed)} in all" if ends else None)

    def _measures(self) -> list[str]:
        """Return the last recorded losses and speed as text."""
        losses = {name: value for name, value in self.record.items() if name.startswith("loss")}
        shown = [f"{name.split('/')[-1] if len(losses) > 1 else 'loss'} {value:.4g}" for name, value in losses.items()]
        shown += [f"validation {self.record['validation']:.4g}"] if "validation" in self.record else []
        rate = self.record.get("items_per_second")
        return [*shown, f"{rate:,.0f} items/s"] if rate else shown


def clock(seconds: float) -> str:
    """Format seconds as h:mm:ss, or as m:ss below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def make_bar(stream: TextIO) -> Bar:
    """Create the bar, whose texts are cut where the terminal is narrow."""
    from rich.console import Console
    from rich.progress import BarColumn, Task, TextColumn
    from rich.progress import Progress as Bar
    from rich.table import Column
    from rich.text import Text

    class Cut(TextColumn):
        """Text that is cut where the terminal is narrow, so that percentage and time left stay."""

        def render(self, task: Task) -> Text:
            text = super().render(task)
            text.no_wrap, text.overflow = True, "ellipsis"
            return text

    console = Console(file=stream)
    return Bar(
        Cut("[bold]{task.description}", table_column=Column(no_wrap=False)),
        BarColumn(bar_width=max(4, min(24, console.width // 4))),
        TextColumn("{task.percentage:3.0f}%"),
        TextColumn("{task.fields[left]}", style="cyan"),
        Cut("{task.fields[details]}", style="dim", table_column=Column(no_wrap=False)),
        console=console,
        refresh_per_second=5,
    )


@contextlib.contextmanager
def watched(label: str, callbacks: Sequence[Callback] | None) -> Iterator[Sequence[Callback]]:
    """Yield the given callbacks; if they are None, a progress bar in a terminal or notebook, and none elsewhere."""
    if callbacks is not None:
        yield callbacks
    elif sys.stderr.isatty() or "ipykernel" in sys.modules:
        with Progress(label) as bar:
            yield [bar]
    else:
        yield []
