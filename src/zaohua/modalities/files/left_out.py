"""Tell what a folder holds beside the files that are read from it, so that nothing is left out in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from zaohua.core.advice import option
from zaohua.core.notes import SHOWN, note, shown
from zaohua.modalities.base import counted
from zaohua.modalities.files.archives import is_archive
from zaohua.modalities.files.folders import LABEL_FILES, Contents, doubtful_splits, mixed_splits, other_splits, part_of

SEVERAL = 6
"""Maximum number of endings in a note; files of other endings are counted together."""


def tell(
    folder: Path,
    split: str | None,
    contents: Contents,
    read: Collection[Path],
    suffixes: frozenset[str],
    convert: Mapping[str, str],
) -> None:
    """Note the splits that weren't read, and all files that weren't, by their endings.

    Args:
        folder: the folder.
        split: the split that was read, as for `split_folder`.
        contents: what lies in the folder.
        read: files that were read, and those that were told already.
        suffixes: endings of the files that are read.
        convert: advice on files that must be converted first, by ending.
    """
    if split is None:
        _tell_splits(folder, contents)
        apart = set(other_splits(folder))
        contents = contents.only(lambda path: apart.isdisjoint((path, *path.parents)))
    else:  # what lies outside of it wasn't asked for
        asked = part_of(folder, split)
        contents = contents.only(lambda path: path.is_relative_to(asked))
    done = {*read}
    _tell_mixed(folder, part_of(folder, split), done)
    tell_rest(folder, [path for path in contents.files if path not in done], done, convert)
    hidden = [path for path in contents.hidden if path.suffix.casefold() in suffixes]
    if hidden:
        note(f"left out {_files(len(hidden), 'hidden')} ({_names(folder, hidden)})")
    if contents.dangling:
        lost = f"{_files(len(contents.dangling))} that can't be opened, such as links to what isn't there"
        note(f"left out {lost} ({_names(folder, contents.dangling)})")
    for paths, why in (
        (contents.again, "links to subfolders that are read already"),
        (contents.closed, "subfolders that can't be opened"),
    ):
        if paths:
            note(f"left out {why} ({_names(folder, paths)})")


def _tell_splits(folder: Path, contents: Contents) -> None:
    """Note the splits that aren't read by default, and classes that are called as splits are."""
    for part in other_splits(folder):
        count = sum(path.is_relative_to(part) for path in contents.files)
        note(f"{part.name}/ ({_files(count)}) kept apart: {option('split', part.name)}")
    for name in doubtful_splits(folder):
        note(f"{name}/ is taken for a class, not for a split of the data")


def _tell_mixed(folder: Path, place: Path, read: Collection[Path]) -> None:
    """Note what is called as splits are, but lies where it isn't kept apart: below classes, or as files."""
    mixed = mixed_splits(place, read)
    if mixed:
        note(
            f"read together, though called as splits are: {_names(folder, mixed)}; put them into {folder / 'train'}/, "
            f"{folder / 'test'}/ ... to keep them apart"
        )


def tell_rest(folder: Path, rest: Sequence[Path], read: Collection[Path], convert: Mapping[str, str]) -> None:
    """Note files that weren't read, those of each ending together."""
    for path in [path for path in rest if path.name in LABEL_FILES]:
        note(f"{path.relative_to(folder).as_posix()} not read")
    archives = [path for path in rest if is_archive(path)]
    if archives:
        what = f"{counted(len(archives), 'archive')} ({_names(folder, archives)})"
        note(f"left out {what}: give it by itself, or unpack it")
    rest = [path for path in rest if path.name not in LABEL_FILES and not is_archive(path)]
    counts = Counter(path.suffix.casefold() for path in rest)
    for ending, advice in convert.items():
        if counts[ending]:
            note(f"left out {_files(counts.pop(ending), ending)}: {advice}")
    if not counts:
        return
    stems = {path.with_suffix("") for path in read}
    parts = []
    for ending, count in counts.most_common(SEVERAL):
        those = [path for path in rest if path.suffix.casefold() == ending]
        captions = ending == ".txt" and all(path.with_suffix("") in stems for path in those)
        more = "captions, not read" if captions else _names(folder, those) if count <= SHOWN else ""
        parts.append(_files(count, ending) + ("" if ending else " without an ending") + (f" ({more})" if more else ""))
    others = sum(counts.values()) - sum(count for _, count in counts.most_common(SEVERAL))
    note(f"left out {', '.join(parts)}" + (f" and {others:,} of other endings" if others else ""))


def _files(count: int, kind: str = "") -> str:
    return counted(count, f"{kind} file".strip())


def _names(folder: Path, paths: Iterable[Path]) -> str:
    return shown(sorted(path.relative_to(folder).as_posix() for path in paths))
