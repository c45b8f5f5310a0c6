"""Kinds of data as objects that define how data are recognised, read, encoded, written, described and measured.

To add one, subclass `Modality` in a folder of your own and call `zaohua.register(MyModality())`, or name the object in
the entry point group `zaohua.modalities` of your package. Nothing inside `zaohua` needs an edit.

Modalities are created before torch is imported, so heavy modules are imported inside their methods, and the evaluation
protocol is named by a dotted path.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from zaohua.core.errors import ZaohuaError

if TYPE_CHECKING:
    from zaohua.modalities.base import Codec
    from zaohua.modalities.condition_base import ConditionCodec
    from zaohua.modalities.data_set import DataSet


class Read(NamedTuple):
    """Result of reading: the items, and their labels or None.

    Attributes:
        items: the items.
        labels: one for each item, or None.
        files: files of a folder that were read, or told as left out; the others are told by `zaohua.read`. None for
            all files whose endings are of the kind of data.
    """

    items: Any
    labels: Sequence[object] | None
    files: Sequence[Path] | None = None


class Modality(ABC):
    """One kind of data. The class attributes describe it; the methods have defaults except the first three.

    Attributes:
        name: its key: `fit(X, modality="sounds")`, the table of models, the command line.
        noun: what its items are called, in the plural.
        suffixes: endings of the files that hold one item each, in lower case with the dot.
        other_suffixes: endings of files that hold many items, such as tables.
        usual: the endings that messages name first, if there are many.
        accompanies: True if such files often accompany files of another kind, as captions accompany images: then they
            determine the kind of a folder only if it has no other files.
        convert: endings of files of this kind that can't be read, and what to do about them.
        holes: True if items may have missing values, as which the masked cells of an array are taken then.
        given: description of such data in memory, for error messages ("a list of texts").
        protocol: dotted path "module:Class" of its `EvaluationProtocol`; None for that of items whose tensors have one
            shape (`zaohua.evaluation.VectorProtocol`).
        page: dotted path of the module that makes its part of a report; None if it has none.
        suites: dotted path "module:NAME" of its named benchmarks, a dictionary of `Suite`s; None if it has none.
        original: dotted path "module:Class" of its `Original`, by which files are changed and written again; None if
            its items aren't restored.
    """

    name: ClassVar[str]
    noun: ClassVar[str]
    suffixes: ClassVar[frozenset[str]] = frozenset()
    other_suffixes: ClassVar[frozenset[str]] = frozenset()
    usual: ClassVar[tuple[str, ...]] = ()
    accompanies: ClassVar[bool] = False
    convert: ClassVar[Mapping[str, str]] = {}
    holes: ClassVar[bool] = False
    given: ClassVar[str] = ""
    protocol: ClassVar[str | None] = None
    page: ClassVar[str | None] = None
    suites: ClassVar[str | None] = None
    original: ClassVar[str | None] = None

    # ---- required

    @property
    @abstractmethod
    def codecs(self) -> tuple[type[Codec], ...]:
        """The codecs of its items, one for each representation; the first is the usual one."""

    @abstractmethod
    def recognises(self, X: object) -> bool:
        """Return whether X is a collection of its items in memory, as people hold them or as `collect` returns them."""

    def open(self, paths: Sequence[Path], labels: Sequence[object] | None = None) -> object:
        """Return the items of some files, and keep their labels with them.

        Args:
            paths: files with one of `suffixes`.
            labels: one label per file, or None.
        """
        raise ZaohuaError(f"{self.noun} aren't read from files ({paths[0]}): give them as {self.given or 'values'}")

    # ---- optional

    def collect(self, X: object, labels: Sequence[object] | None = None) -> object:
        """Return the items of a collection in memory that `recognises` accepts, in the form that its codecs take."""
        return X

    def count(self, folder: Path, suffixes: Counter[str]) -> int:
        """Return how many files of a folder `read_folder` would read.

        Args:
            folder: the folder.
            suffixes: number of files by suffix (in lower case), subfolders included.
        """
        return sum(suffixes[suffix] for suffix in self.suffixes)

    def read_file(self, path: Path, split: str | None = None) -> Read | None:
        """Read one file; None if it isn't of this kind.

        Args:
            path: of the file, which exists.
            split: of the data in it; files without splits refuse any.
        """
        if path.suffix.casefold() not in self.suffixes:
            return None
        refuse_split(path, split)
        return Read(self.open([path]), None)

    def read_files(self, paths: Sequence[Path], where: str) -> Read | None:
        """Read several files; None if they aren't all of this kind.

        Args:
            paths: of the files, which exist.
            where: what named them, for messages.
        """
        if any(path.suffix.casefold() not in self.suffixes for path in paths):
            return None
        return Read(self.open(paths), None, paths)

    def read_conditions(self, paths: Sequence[Path]) -> tuple[Any, Sequence[int]]:
        """Read files as conditions y, which belong to items.

        Returns:
            One condition for each file that could be read, and the indices of these files. What is read on demand, and
            so may be found broken later, is a list with `rows` as `FileItems` are.
        """
        return self.open(paths), range(len(paths))

    def read_folder(self, folder: Path, labelled: bool, split: str | None = None) -> Read | None:
        """Read the files of a folder and its subfolders, sorted by path; None if none is of this kind.

        Args:
            folder: if it has splits (train, test ...), one of them is read.
            labelled: whether to read labels: the name of the first subfolder. Tables of labels, and texts beside the
                files, are read by `zaohua.read` before.
            split: which split to read; "train" by default.

        Raises:
            NoLabels: labels were asked for and there are none.
        """
        from zaohua.modalities.files.folders import find
        from zaohua.modalities.files.labels import with_classes

        paths = find(folder, self.suffixes, split)
        if not paths:
            return None
        if not labelled:
            return Read(self.open(paths), None, paths)
        found = with_classes(folder, paths, self.noun, split)
        items = self.open(found.paths, found.labels)
        return Read(items, getattr(items, "labels", found.labels), paths)

    @property
    def datasets(self) -> tuple[DataSet, ...]:
        """The data sets of this kind that are known by name."""
        return ()

    @property
    def other_codecs(self) -> tuple[type[Codec], ...]:
        """The codecs of its items that no data ask for, as they come with a model that was trained elsewhere."""
        return ()

    @property
    def condition_codecs(self) -> tuple[type[ConditionCodec], ...]:
        """The codecs that serve for conditions y only."""
        return ()

    def condition_codec(self) -> ConditionCodec:
        """Return an unfitted codec for items of this kind as conditions y."""
        return self.as_condition(self.codecs[0]())

    def as_condition(self, codec: ConditionCodec) -> ConditionCodec:
        """Return an unfitted codec with the options of one of this kind, for items as conditions y."""
        return type(codec)(**codec.get_params())

    def beside(self, codec: Codec) -> ConditionCodec:
        """Return an unfitted codec for conditions y, beside the fitted codec of x, which is of this kind, too.

        Override it where conditions must be represented as x is, so that one lies over the other.
        """
        return self.condition_codec()

    def export(self, items: object, collected: Any, path: Path, y: Sequence[object] | None = None) -> Path:
        """Write items to one file; return its path.

        Args:
            items: as they were given.
            collected: the same in the form that its codecs take.
            path: the file; the default suffix is added to a path without one.
            y: the condition of each item, for formats that store conditions.
        """
        return self.codecs[0]().fit(collected).write_sheet(items, path, y)

    def export_each(
        self, items: object, collected: Any, folder: Path, y: Sequence[object] | None = None, overwrite: bool = False
    ) -> Path:
        """Write each item to a file of its own, as `zaohua sample --out FOLDER` does; return the folder.

        Args:
            items: as they were given.
            collected: the same in the form that its codecs take.
            folder: new or empty, or, to be replaced, of files that were written so.
            y: the condition of each item, for the names of the files and a table of them, `metadata.csv`.
            overwrite: True to replace the files of a folder.

        Raises:
            ZaohuaError: the folder holds other files, or can't be written.
        """
        from zaohua.modalities.base import file_names
        from zaohua.modalities.files.metadata import write_metadata
        from zaohua.storage.outputs import whole_folder

        with whole_folder(folder, overwrite) as temporary:
            paths = self.codecs[0]().fit(collected).write(items, temporary, file_names(len(collected), y))
            write_metadata(temporary, paths, y)
        return folder

    # ---- helpers

    def rank(self, suffix: str) -> tuple[int, int, str]:
        """Return a key by which endings are sorted in messages: the usual ones first, then the shortest."""
        return self.usual.index(suffix) if suffix in self.usual else len(self.usual), len(suffix), suffix

    def load(self, path: str | None) -> Any:
        """Import the object or module that a dotted path "module:name" or "module" names; return None for None."""
        if path is None:
            return None
        module, _, name = path.partition(":")
        found = importlib.import_module(module)
        return getattr(found, name) if name else found

    def __repr__(self) -> str:
        return f"<modality {self.name}>"


def refuse_split(path: Path, split: str | None) -> None:
    """Raise a `ZaohuaError` if a split is asked of a file that has none."""
    if split is not None:
        raise ZaohuaError(f"{path}: a file has no split {split!r}")
