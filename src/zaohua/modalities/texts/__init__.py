"""Texts and dialogues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from zaohua.core.errors import SomeLabels
from zaohua.core.notes import shown
from zaohua.modalities.modality import Modality, Read, refuse_split

if TYPE_CHECKING:
    from zaohua.modalities.base import Codec
    from zaohua.modalities.data_set import DataSet
    from zaohua.modalities.texts.files import TextFiles

MANY = frozenset({".jsonl"})
"""Endings of files that hold a text or a dialogue in each line."""


class Texts(Modality):
    """Texts of any length, and dialogues."""

    name: ClassVar[str] = "texts"
    noun: ClassVar[str] = "texts"
    suffixes: ClassVar[frozenset[str]] = frozenset({".txt"})
    other_suffixes: ClassVar[frozenset[str]] = MANY
    accompanies: ClassVar[bool] = True
    given: ClassVar[str] = "a list of texts or dialogues"
    protocol: ClassVar[str | None] = "zaohua.modalities.texts.evaluation:TextProtocol"

    @property
    def codecs(self) -> tuple[type[Codec], ...]:
        """The codec of tokens."""
        from zaohua.modalities.texts.codec import TextCodec

        return (TextCodec,)

    def recognises(self, X: object) -> bool:
        """Return whether X is a list of texts or dialogues, or `TextFiles`."""
        from zaohua.modalities.texts.dialogues import is_dialogue
        from zaohua.modalities.texts.files import TextFiles

        if isinstance(X, TextFiles):
            return True
        return isinstance(X, list) and bool(X) and (isinstance(X[0], str) or is_dialogue(X[0]))

    def open(self, paths: Sequence[Path], labels: Sequence[object] | None = None) -> TextFiles:
        """Return the texts of some files."""
        from zaohua.modalities.texts.files import TextFiles

        return TextFiles(list(paths), None if labels is None else list(labels))

    def count(self, folder: Path, suffixes: Counter[str]) -> int:
        """Return how many files of text a folder holds."""
        return sum(suffixes[suffix] for suffix in self.suffixes | MANY)

    def read_file(self, path: Path, split: str | None = None) -> Read | None:
        """Read a .txt or a .jsonl file."""
        if path.suffix.casefold() not in self.suffixes | MANY:
            return None
        refuse_split(path, split)
        return Read(self.open([path]), None)

    def read_folder(self, folder: Path, labelled: bool, split: str | None = None) -> Read | None:
        """Read the texts of a folder; files of many texts have no labels."""
        from zaohua.modalities.files.folders import find
        from zaohua.modalities.files.labels import with_labels

        paths = find(folder, self.suffixes | MANY, split)
        if not paths:
            return None
        if not labelled:
            return Read(self.open(paths), None, paths)
        found = with_labels(folder, paths, self.noun, split)
        lines = [path for path in paths if path.suffix.casefold() in MANY]
        if lines:
            raise SomeLabels(
                f"{folder}: {shown([path.name for path in lines])} hold many texts each, which carry no labels"
            )
        items = self.open(found.paths, found.labels)
        return Read(items, items.labels, [*paths, *found.tables])

    @property
    def datasets(self) -> tuple[DataSet, ...]:
        """Plays, names, poems and a manual."""
        from zaohua.modalities.texts.datasets import DATASETS

        return DATASETS
