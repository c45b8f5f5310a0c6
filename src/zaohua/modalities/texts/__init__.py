"""Texts and dialogues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from zaohua.core.errors import SomeLabels
from zaohua.core.notes import note, shown
from zaohua.modalities.modality import Modality, Read, refuse_split

if TYPE_CHECKING:
    from zaohua.modalities.base import Codec
    from zaohua.modalities.condition_base import ConditionCodec
    from zaohua.modalities.data_set import DataSet
    from zaohua.modalities.texts.files import TextFiles

MANY = frozenset({".jsonl", ".ndjson", ".json"})
"""Endings of files that hold many texts or dialogues."""
FIRST = frozenset({".txt", ".text", *MANY})
"""Endings that are texts in any folder; those of `OTHERS` are left out of a folder that has more of these."""
OTHERS = frozenset(
    """.md .markdown .rst .adoc .org .tex .bib .log .srt .vtt .html .htm .css .xml .yaml .yml .toml .ini .cfg
    .py .pyi .pyx .js .mjs .jsx .ts .tsx .c .h .cc .cpp .cxx .hpp .cu .cs .java .kt .scala .go .rs .rb .php .pl .lua
    .swift .m .jl .r .hs .ml .ex .erl .clj .lisp .el .sql .sh .bash .bat .ps1 .vim .asm .f90 .v .vhdl .abc""".split()
)
"""Endings of other plain text: markup and source code, learnt as they are."""
CONVERT = {
    **dict.fromkeys((".pdf", ".epub"), "convert them to .txt, such as with pdftotext or pandoc"),
    **dict.fromkeys((".docx", ".doc", ".odt", ".rtf"), "save them as .txt, or convert them with pandoc"),
}


class Texts(Modality):
    """Texts of any length, and dialogues."""

    name: ClassVar[str] = "texts"
    noun: ClassVar[str] = "texts"
    suffixes: ClassVar[frozenset[str]] = (FIRST | OTHERS) - MANY
    other_suffixes: ClassVar[frozenset[str]] = MANY
    usual: ClassVar[tuple[str, ...]] = (".txt", ".jsonl", ".md", ".py")
    accompanies: ClassVar[bool] = True
    convert = CONVERT
    given: ClassVar[str] = "a list of texts or dialogues"
    protocol: ClassVar[str | None] = "zaohua.modalities.texts.evaluation:TextProtocol"
    page: ClassVar[str | None] = "zaohua.modalities.texts.page"

    @property
    def codecs(self) -> tuple[type[Codec], ...]:
        """The codec of tokens."""
        from zaohua.modalities.texts.codec import TextCodec

        return (TextCodec,)

    @property
    def other_codecs(self) -> tuple[type[Codec], ...]:
        """The codec of published models."""
        from zaohua.modalities.texts.published import PublishedTextCodec

        return (PublishedTextCodec,)

    @property
    def condition_codecs(self) -> tuple[type[ConditionCodec], ...]:
        """The codec of texts as conditions."""
        from zaohua.modalities.texts.captions import CaptionCodec

        return (CaptionCodec,)

    def as_condition(self, codec: ConditionCodec) -> ConditionCodec:
        """Return an unfitted codec of texts as conditions, with the options of another."""
        return self.condition_codecs[0](**codec.get_params())

    def recognises(self, X: object) -> bool:
        """Return whether X is a list of texts, dialogues or records of them (see `records`), or `TextFiles`."""
        from zaohua.modalities.texts.dialogues import is_dialogue
        from zaohua.modalities.texts.files import TextFiles
        from zaohua.modalities.texts.records import is_record

        if isinstance(X, TextFiles):
            return True
        return isinstance(X, list) and bool(X) and (isinstance(X[0], str) or is_dialogue(X[0]) or is_record(X[0]))

    def collect(self, X: object, labels: Sequence[object] | None = None) -> object:
        """Return the texts and dialogues of a list, with those of records in it taken out of them."""
        from zaohua.modalities.texts.records import collected

        return collected(X) if isinstance(X, list) else X

    def open(self, paths: Sequence[Path], labels: Sequence[object] | None = None) -> TextFiles:
        """Return the texts of some files."""
        from zaohua.modalities.texts.files import TextFiles

        return TextFiles(list(paths), None if labels is None else list(labels))

    def read_conditions(self, paths: Sequence[Path]) -> tuple[list[object], Sequence[int]]:
        """Read the texts of files into memory; a file that is empty is an empty text."""
        from zaohua.modalities.texts.files import whole_texts

        return whole_texts(paths)

    def count(self, folder: Path, suffixes: Counter[str]) -> int:
        """Return how many files of text a folder holds."""
        from zaohua.modalities.files.folders import walk
        from zaohua.modalities.texts.raw import ending

        if suffixes[".gz"]:
            suffixes = Counter(map(ending, walk(folder)))
        return sum(suffixes[suffix] for suffix in _taken(suffixes.elements()))

    def read_file(self, path: Path, split: str | None = None) -> Read | None:
        """Read a file of one text, or of many."""
        from zaohua.modalities.files.piped import STDIN, piped
        from zaohua.modalities.texts.raw import ending, may_hold_texts

        path = piped() if path == STDIN else path
        if ending(path) not in FIRST | OTHERS or not may_hold_texts(path):
            return None
        refuse_split(path, split)
        return Read(self.open([path]), None)

    def read_folder(self, folder: Path, labelled: bool, split: str | None = None) -> Read | None:
        """Read the texts of a folder; files of many texts have no labels."""
        from zaohua.modalities.files.folders import find
        from zaohua.modalities.files.labels import with_classes
        from zaohua.modalities.texts.raw import ending

        paths = find(folder, FIRST | OTHERS | {".gz"}, split)
        taken = _taken(map(ending, paths))
        paths = [path for path in paths if ending(path) in taken]
        if not paths:
            return None
        if taken & OTHERS:
            note(f"read as texts: {', '.join(f'{n:,} {suffix}' for suffix, n in _counts(paths).most_common())}")
        if not labelled:
            return Read(self.open(paths), None, paths)
        found = with_classes(folder, paths, self.noun, split)
        lines = [path for path in paths if ending(path) in MANY]
        if lines:
            raise SomeLabels(
                f"{folder}: {shown([path.name for path in lines])} hold many texts each, which carry no labels"
            )
        items = self.open(found.paths, found.labels)
        return Read(items, items.labels, paths)

    @property
    def datasets(self) -> tuple[DataSet, ...]:
        """Plays, names, poems and a manual."""
        from zaohua.modalities.texts.datasets import DATASETS

        return DATASETS


def _taken(endings: Iterable[str]) -> frozenset[str]:
    """Return which endings of a folder's files are read: of plain text, or all texts if others are more."""
    counts = Counter(endings)
    first, others = (sum(counts[suffix] for suffix in group) for group in (FIRST, OTHERS))
    if first >= others:
        return FIRST & counts.keys()
    return (FIRST | OTHERS) & counts.keys()


def _counts(paths: Iterable[Path]) -> Counter[str]:
    from zaohua.modalities.texts.raw import ending

    return Counter(map(ending, paths))
