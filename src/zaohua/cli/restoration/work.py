"""Restore files one by one: read, prepare, restore, write. Damaged ones are left out; what is written is whole."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zaohua.cli.restoration.places import Job, Places
from zaohua.cli.restoration.watch import Watch
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.notes import Notes, note, shown
from zaohua.storage.provenance.files import origin
from zaohua.storage.provenance.origin import recorded_after

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel
    from zaohua.modalities.original import Original
    from zaohua.operators.degradation import Degradation
    from zaohua.storage.outputs import GrowingFolder
    from zaohua.tasks.restore.restored import Restored

MOST = 20
"""Maximum number of notes that are printed."""
Prepare = Callable[["Original[Any]", "Path | None"], "tuple[Original[Any], np.ndarray | None]"]
"""(file, its path within a folder or None) -> the file to restore, and how far each place is to be made anew."""


@dataclass(frozen=True)
class Settings:
    """What is the same for all files.

    Attributes:
        model: fitted.
        degradation: what happened to the files; None for nothing but holes.
        y: condition of the files, or None.
        samples: number of answers to write.
        guesses: number of guesses whose mean is the answer, if there is only one.
        steps: steps of the sampler.
        batch_size: tiles that are computed at once, or None.
        seed: seed, or None.
        options: options of the model for sampling.
        prepare: prepares a file; None for files that are restored as they are.
        grey: True if only the brightness of pictures is used.
    """

    model: GenerativeModel
    degradation: Degradation | None = None
    y: object = None
    samples: int = 1
    guesses: int = 1
    steps: int = 50
    batch_size: int | None = None
    seed: int | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    prepare: Prepare | None = None
    grey: bool = False

    def restored(self, item: object, seen: np.ndarray | None, watch: Watch) -> Restored:
        """Restore one item.

        Args:
            item: as the model is shown it.
            seen: how far each place is seen, from 0 (a hole) to 1; None for everywhere.
            watch: shows the progress.
        """
        from zaohua.tasks.restore.restoring import restore

        options: dict[str, Any] = dict(self.options)
        if isinstance(item, np.ndarray) and item.ndim == 3 and self.model.spec_.channels == 1:
            options["by_channel"] = True
        return restore(
            self.model,
            item[None] if isinstance(item, np.ndarray) else [item],
            self.degradation,
            mask=seen,
            y=self.y,
            n_samples=max(self.samples, self.guesses),
            draws=self.samples > 1,
            steps=self.steps,
            random_state=self.seed,
            batch_size=self.batch_size,
            progress=watch,
            **options,
        )


@dataclass
class Done:
    """What was done.

    Attributes:
        files: number of files that were restored.
        written: files that were written.
        left_out: files that weren't, and why.
        how: how it was done, each way once.
        white: by file, the deviation at the top of pictures of differences.
    """

    files: int = 0
    written: list[Path] = field(default_factory=list)
    left_out: list[tuple[Path, str]] = field(default_factory=list)
    how: list[str] = field(default_factory=list)
    white: dict[str, float] = field(default_factory=dict)

    def facts(self) -> Json:
        """Return the same as JSON values."""
        left_out = [{"file": str(path), "why": why} for path, why in self.left_out]
        return {
            "files": self.files,
            "written": [*map(str, self.written)],
            "left_out": left_out,
            "how": self.how,
            "differ": self.white,
        }

    def place(self, places: Places) -> str:
        """Say where the results are."""
        return shown(self.written) if places.folder is None else str(places.folder)

    def told(self, places: Places, done: str) -> str:
        """Say how many files were restored."""
        if places.folder is None:
            return done
        left = f", {len(self.left_out):,} left out," if self.left_out else ""
        return f"{self.files:,} of {len(places.jobs):,} files {done}{left}"


class Work:
    """The restoration of all files.

    Args:
        name: of the command.
        done: what is done to files: "denoised".
        settings: the same for all files.
        places: the files, and where results go.
        notes: what is noted meanwhile.
        quiet: True to print nothing.
    """

    def __init__(self, name: str, done: str, settings: Settings, places: Places, notes: Notes, quiet: bool) -> None:
        self.name, self.done, self.settings, self.places, self.notes = name, done, settings, places, notes
        self.watch = Watch(name, len(places.jobs), places.original.speed, quiet)
        self.result, self.noted = Done(), 0

    def restore(self) -> Done:
        """Restore all files that can be read.

        Raises:
            ZaohuaError: the only file can't be restored, or none of several.
            KeyboardInterrupt: it was stopped; the message says how many files are done.
        """
        result, total, folder = self.result, len(self.places.jobs), self.places.writing()
        with folder or contextlib.nullcontext(), self.watch:
            try:
                for number, job in enumerate(self.places.jobs):
                    self.watch.file(number, job.source.name)
                    self._attempt(job, folder)
            except KeyboardInterrupt:
                count = f"{result.files:,} of {total:,} files are {self.done}, in {self.places.out}"
                raise KeyboardInterrupt(f"stopped: {count}" if total > 1 else "stopped: nothing was written") from None
            if not result.files:
                why = result.left_out[0]
                raise ZaohuaError(f"none of {total:,} files could be {self.done}: {why[0]}: {why[1]}")
            for how in result.how:
                self._say(how)
            if len(self.notes) > self.noted:
                self._say(f"and {len(self.notes) - self.noted:,} more notes: --json lists all")
        return result

    def _attempt(self, job: Job, folder: GrowingFolder | None) -> None:
        """Restore one file; in a folder, leave it out if that fails."""
        try:
            self._restore(job, folder)
        except ZaohuaError as error:
            if folder is None:
                raise
            why = str(error).removeprefix(f"{job.source}: ")
            self.result.left_out.append((job.source, why))
            self._say(f"left out {job.source}: {why}")
        else:
            self.result.files += 1
            self._tell()

    def _restore(self, job: Job, folder: GrowingFolder | None) -> None:
        """Restore one file, and write its results."""
        settings, codec, grey = self.settings, self.settings.model.codec_, self.settings.grey
        original, weight = self.places.original.read(job.source), None
        before = origin(job.source).origin
        if settings.prepare is not None:
            within = None if self.places.folder is None else job.target.relative_to(self.places.folder)
            original, weight = settings.prepare(original, within)
        if weight is not None and not original.is_exact(job.target.suffix):
            note(f"a {job.target.suffix} loses details, so what lies outside of holes changes slightly, too")
        item = original.seen(codec, grey)
        self._tell()
        self.watch.size = original.size
        found = settings.restored(item, None if weight is None else 1 - weight, self.watch)
        if found.how not in self.result.how:
            self.result.how.append(found.how)
        paths = job.results(settings.samples)
        several = [*found.samples, found.best] if settings.samples > 1 else [found.best]
        with recorded_after(before):
            for path, items in zip(paths, several, strict=False):  # behind them is the picture of differences
                original.with_item(items[0], codec, grey).write(path)
                self._record(path, folder)
            if settings.samples > 1:
                self.result.white[str(paths[-1])] = original.write_differences(_deviation(found), paths[-1])
                self._record(paths[-1], folder)

    def _record(self, path: Path, folder: GrowingFolder | None) -> None:
        """Record a file that was written."""
        self.result.written.append(path)
        if folder is not None:
            folder.add(path)

    def _tell(self) -> None:
        """Print the notes that are new, unless there are too many."""
        for text in self.notes[self.noted : MOST]:
            self._say(f"note: {text}")
            self.noted += 1

    def _say(self, line: str) -> None:
        """Print a line for people."""
        if not self.watch.meter.quiet:
            self.watch.meter.line(line)


def _deviation(found: Restored) -> np.ndarray:
    """Return the standard deviation of the answers for one item."""
    if found.deviation is not None:
        return np.asarray(found.deviation[0])
    return np.asarray(np.std([np.asarray(items[0], np.float32) for items in found.samples], axis=0, ddof=1))
