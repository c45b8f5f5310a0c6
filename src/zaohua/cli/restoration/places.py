"""Find the files to restore, and the files that results are written to, before anything is computed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note
from zaohua.modalities.base import counted
from zaohua.modalities.files.folders import Contents, items_in
from zaohua.modalities.files.left_out import tell_rest
from zaohua.modalities.modality import Modality
from zaohua.modalities.original import Original
from zaohua.storage import outputs


@dataclass(frozen=True)
class Job:
    """One file to restore.

    Attributes:
        source: the file.
        target: the file to write.
    """

    source: Path
    target: Path

    def beside(self, what: object, ending: str | None = None) -> Path:
        """Return the path of another result, such as OUTPUT-mean.png."""
        return self.target.with_name(f"{self.target.stem}-{what}{ending or self.target.suffix}")

    def results(self, samples: int) -> list[Path]:
        """List the files that are written for a number of answers: several have a mean, and differ."""
        if samples == 1:
            return [self.target]
        return [*(self.beside(k + 1) for k in range(samples)), self.beside("mean"), self.beside("differs", ".png")]


@dataclass(frozen=True)
class Places:
    """Files to restore, and where their results go.

    Attributes:
        original: how such files are read and written.
        jobs: at least one.
        folder: folder of all results; None for a single file.
        overwrite: True to replace what is there.
    """

    original: type[Original[Any]]
    jobs: list[Job]
    folder: Path | None
    overwrite: bool

    @property
    def out(self) -> Path:
        """The file or folder of the results."""
        return self.jobs[0].target if self.folder is None else self.folder

    def writing(self) -> outputs.GrowingFolder | None:
        """Return the folder of the results, to be used in a `with` block; None for a single file."""
        return None if self.folder is None else outputs.GrowingFolder(self.folder, self.overwrite)


def places(source: Path, out: str | None, kind: Modality, done: str, samples: int, overwrite: bool) -> Places:
    """Find the files to restore, and decide where each result goes.

    Args:
        source: file or folder.
        out: what was given by --out; None for a name beside the source.
        kind: kind of data of the run.
        done: what is done to the files, as their names say it: "denoised".
        samples: number of answers for each file.
        overwrite: True to replace what is there.

    Raises:
        ZaohuaError: there is nothing to restore, or a result can't be written.
    """
    original: type[Original[Any]] = kind.load(kind.original)
    if source.is_dir():
        folder = Path(out) if out else source.with_name(f"{source.absolute().name}-{done}")
        folder = folder if out or overwrite else outputs.numbered(folder)
        _check_folder(source, folder, original)
        outputs.check(folder, overwrite, folder=True)
        jobs = _jobs(source, folder, kind, original)
        _check_apart(jobs, samples)
        return Places(original, jobs, folder, overwrite)
    if not source.is_file():
        raise ZaohuaError(f"{source}: is no file or folder")
    ending = original.ending(source.suffix)
    if ending is None:
        raise ZaohuaError(f"{source}: is no file of {kind.noun}, which this run is of" + _advice(kind, source))
    job = Job(source, _target(source, Path(out) if out else None, ending, done))
    if out is None and not overwrite:
        job = _free(job, samples)
    target = job.target
    if original.ending(target.suffix) != target.suffix.casefold():
        raise ZaohuaError(f"{target}: {kind.noun} can't be written as {target.suffix or 'a file without an ending'}")
    if target.exists() and target.samefile(source):
        raise ZaohuaError(f"{target} is the file itself: give another {option('out')}")
    for path in job.results(samples):
        outputs.check(path, overwrite)
    return Places(original, [job], None, overwrite)


def _target(source: Path, out: Path | None, ending: str, done: str) -> Path:
    """Return the file that the result for a single file is written to."""
    if out is None:
        return source.with_name(f"{source.stem}-{done}{ending}")
    if out.is_dir():
        return out / f"{source.stem}{ending}"
    return out if out.suffix else out.with_name(f"{out.name}{ending}")


def _free(job: Job, samples: int) -> Job:
    """Return a job whose target has the first number with which nothing is there yet; the first has none."""
    free, number = job, 1
    while any(os.path.lexists(path) for path in free.results(samples)):
        number += 1
        free = Job(job.source, job.beside(number))
    return free


def _check_folder(source: Path, folder: Path, original: type[Original[Any]]) -> None:
    """Raise a `ZaohuaError` unless results may go to a folder."""
    if not folder.is_dir() and original.ending(folder.suffix) is not None:
        raise ZaohuaError(f"{source} is a folder, so results are written to one: {option('out')} {folder} is a file")
    inside, outside = os.path.realpath(folder), os.path.realpath(source)
    if inside == outside or inside.startswith(outside + os.sep):
        raise ZaohuaError(f"{folder} lies in the folder of the files itself: give another {option('out')}")


def _jobs(source: Path, folder: Path, kind: Modality, original: type[Original[Any]]) -> list[Job]:
    """List the files of a folder, and note those that are none of the run's kind."""
    files = items_in(source, kind.suffixes)
    contents = Contents.of(source)
    tell_rest(source, [path for path in contents.files if path not in set(files)], set(files), kind.convert)
    if not files:
        raise ZaohuaError(f"{source}: holds no files of {kind.noun}, which this run is of")
    taken: set[Path] = set()
    jobs = []
    for path in files:
        within = path.relative_to(source)
        target = folder / within.with_suffix(original.ending(path.suffix) or "")
        number = 1
        while target in taken:
            number += 1
            target = target.with_name(f"{within.stem}-{number}{target.suffix}")
        taken.add(target)
        jobs.append(Job(path, target))
    changed = [job.target.suffix for job in jobs if job.source.suffix.casefold() != job.target.suffix.casefold()]
    if changed:
        note(f"{counted(len(changed), 'file')} of formats that are only read written as {changed[0]}")
    return jobs


def _check_apart(jobs: Sequence[Job], samples: int) -> None:
    """Raise a `ZaohuaError` if two files would be written to the same place: 1.png of a.png, and a-1.png."""
    owners: dict[Path, Path] = {}
    for job in jobs:
        for path in job.results(samples):
            other = owners.setdefault(path, job.source)
            if other != job.source:
                raise ZaohuaError(f"{path} would be written for {other} and for {job.source}: rename one of them")


def _advice(kind: Modality, path: Path) -> str:
    """Return what to do about a file that can't be read, with a colon before it."""
    advice = kind.convert.get(path.suffix.casefold())
    return f": {advice}" if advice else ""
