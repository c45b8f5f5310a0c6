"""Data from a path, a pattern of names or the name of a data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from zaohua.core.arguments import path_of
from zaohua.core.errors import ZaohuaError, nearest
from zaohua.core.notes import shown
from zaohua.modalities import datasets, registry
from zaohua.modalities.collected import collected
from zaohua.modalities.files.archives import is_archive, unpacked
from zaohua.modalities.files.folders import Contents
from zaohua.modalities.files.items import FileItems
from zaohua.modalities.files.labels import matching
from zaohua.modalities.files.left_out import tell
from zaohua.modalities.files.patterns import FilePattern
from zaohua.modalities.files.piped import STDIN
from zaohua.modalities.found import Found
from zaohua.modalities.listed import of_suffix, unreadable
from zaohua.modalities.modality import Modality, refuse_split
from zaohua.modalities.paired_folders import InFolder, read_pairs
from zaohua.modalities.paired_tables import read_pairs_of_table, tell_files
from zaohua.modalities.several import paths_of, read_several


def read_source(
    source: str | Path, labelled: bool, split: str | None, kinds: Sequence[Modality], prefer: Sequence[Modality] = ()
) -> Found:
    """Read items from a path, a pattern or the name of a data set.

    Args:
        source: the path, pattern or name.
        labelled: whether to read the labels that it carries.
        split: the split to read; None for the default.
        kinds: candidates for the kind of data, in the order in which they are asked.
        prefer: candidates that a folder is read as if it holds any of their files, and that are x where pairs are read.

    Raises:
        NoLabels: labels are asked for and there are none.
        ZaohuaError: nothing is there, or nothing that can be read.
    """
    path, pattern = path_of("the path", source).expanduser(), FilePattern.of(source)
    if pattern is not None:
        return _read_pattern(pattern, split, kinds)
    if path == STDIN:
        return _read_file(path, labelled, split, kinds, prefer)
    if not path.exists():
        paths = paths_of(source)
        if paths is not None:
            several, of = read_several(paths, str(source), split, kinds)
            return Found(several.items, several.labels, of)
        entry = datasets.known().get(source) if isinstance(source, str) else None
        if entry is None:
            raise _nothing_at(path, source)
        if len(kinds) == 1 and kinds[0].name != entry.modality:
            raise ZaohuaError(f"{source} is a data set of {entry.modality}, not of {kinds[0].name}")
        found, labels = datasets.load(entry.name, split or "train")
        items, kind = collected(found, labels, (registry.modality(entry.modality),))
        return Found(items, items.labels if isinstance(items, FileItems) else labels, kind)
    if path.is_dir():
        return _read_folder(path, labelled, split, kinds, prefer)
    return _read_file(path, labelled, split, kinds, prefer)


def _read_file(
    path: Path, labelled: bool, split: str | None, kinds: Sequence[Modality], prefer: Sequence[Modality] = ()
) -> Found:
    paired = None if path == STDIN else read_pairs_of_table(path, labelled, prefer)
    if paired is not None:
        refuse_split(path, split)
        return paired
    for kind in kinds:
        read_ = kind.read_file(path, split)
        if read_ is not None:
            if hasattr(read_.items, "columns") and path != STDIN:
                tell_files(path, ((name, read_.items[name].head(3).tolist()) for name in read_.items.columns))
            return Found(read_.items, read_.labels, kind)
    if is_archive(path):
        return read_source(unpacked(path), labelled, split, kinds, prefer)
    refuse_split(path, split)
    raise unreadable(path, path.suffix.casefold(), kinds) or ZaohuaError(
        f"{path}: can't be read as data: give {_readable(kinds)}, or a folder"
    )


def _read_folder(
    folder: Path, labelled: bool, split: str | None, kinds: Sequence[Modality], prefer: Sequence[Modality] = ()
) -> Found:
    """Read a folder as the kind of data that is preferred, or else that most of its files are of; note the others."""
    contents = Contents.of(folder)
    suffixes = Counter(path.suffix.casefold() for path in contents.files)
    counts = {kind.name: kind.count(folder, suffixes) for kind in kinds}
    present = [kind for kind in kinds if counts[kind.name]]
    present = [kind for kind in present if kind in prefer] or present
    chosen = max(present, key=lambda kind: (not kind.accompanies, counts[kind.name]), default=None)
    for kind in kinds:
        lost = sum(suffixes[suffix] for suffix in kind.convert)
        error = unreadable(folder, max(sorted(kind.convert), key=lambda suffix: suffixes[suffix], default=""), kinds)
        if lost > sum(counts.values()) and not counts[kind.name] and error is not None:
            raise error
    if chosen is not None:
        paired = InFolder(None, [])
        if labelled or (prefer and chosen not in prefer):  # then the items may be texts in a table
            paired = read_pairs(folder, split, contents.files, chosen, prefer, labelled)
        read = None if paired.found is not None else chosen.read_folder(folder, labelled, split)
        endings = chosen.suffixes | chosen.other_suffixes
        done = [*paired.files, *(path for path in contents.files if path.suffix.casefold() in endings)]
        if read is not None and read.files is not None:
            done = [*paired.files, *read.files]
        found = paired.found if read is None else Found(read.items, read.labels, chosen)
        if found is not None:
            tell(folder, split, contents, done, chosen.suffixes, chosen.convert)
            return found
    if not suffixes and contents.hidden:
        names = shown(sorted(path.relative_to(folder).as_posix() for path in contents.hidden))
        raise ZaohuaError(f"{folder}: holds only hidden files ({names}), which aren't read: rename them")
    if not suffixes:
        raise ZaohuaError(f"{folder}: the folder is empty")
    held = ", ".join(f"{count} {suffix or 'without a suffix'}" for suffix, count in suffixes.most_common(4))
    tables = any(suffix in kind.other_suffixes for kind in kinds for suffix in suffixes)
    hint = f"it must hold {_readable(kinds, folders=True)}" + (
        ", or give a file of many items itself" if tables else ""
    )
    raise ZaohuaError(f"{folder}: holds no files that are read from folders ({held}): {hint}")


def _readable(kinds: Sequence[Modality], folders: bool = False) -> str:
    """Return what files are read, for a message: "images (.png, .jpg ...), sounds (.wav ...)"."""
    shown = []
    for kind in kinds:
        suffixes = sorted(kind.suffixes | (frozenset() if folders else kind.other_suffixes), key=kind.rank)
        if suffixes:
            shown.append(f"{kind.noun} ({', '.join(suffixes[:4])}{' ...' if len(suffixes) > 4 else ''})")
    return ", ".join(shown)


def _read_pattern(pattern: FilePattern, split: str | None, kinds: Sequence[Modality]) -> Found:
    """Read the files whose names are of a form, and the labels that the names say."""
    kind = of_suffix(pattern.suffix, kinds)
    if kind is not None:
        paths, labels = matching(pattern, kind.suffixes, split, kind.noun)
        items = kind.open(paths, labels)
        return Found(items, getattr(items, "labels", labels), kind)
    raise unreadable(pattern.text, pattern.suffix, kinds) or ZaohuaError(
        f"{pattern.text}: a pattern ends as its files do, such as .wav, .png, .mid or .txt"
    )


def _nothing_at(path: Path, source: str | Path) -> ZaohuaError:
    """Return the error for a path that doesn't exist and is no data set: it suggests what may have been meant."""
    if path.is_symlink():
        return ZaohuaError(f"{source}: is a link to {path.readlink()}, which isn't there")
    beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    close = nearest(path.name, [*datasets.names(), *beside])
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else f"data sets: {', '.join(datasets.names())}"
    return ZaohuaError(f"{str(source)!r} is neither a file or folder nor a data set; {hint}")
