"""Music: the notes of pieces on a grid of time steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from zaohua.modalities.modality import Modality, Read

if TYPE_CHECKING:
    from zaohua.modalities.base import Codec
    from zaohua.modalities.data_set import DataSet
    from zaohua.modalities.music.midi import MidiFiles


class Music(Modality):
    """Pieces of music, as events or as piano rolls."""

    name: ClassVar[str] = "music"
    noun: ClassVar[str] = "MIDI files"
    suffixes: ClassVar[frozenset[str]] = frozenset({".mid", ".midi"})
    other_suffixes: ClassVar[frozenset[str]] = frozenset({".json", ".mat"})
    accompanies: ClassVar[bool] = True
    given: ClassVar[str] = "a list of pieces of music"
    protocol: ClassVar[str | None] = "zaohua.modalities.music.evaluation:MusicProtocol"
    page: ClassVar[str | None] = "zaohua.modalities.music.page"

    @property
    def codecs(self) -> tuple[type[Codec], ...]:
        """The codecs of events and of rolls."""
        from zaohua.modalities.music.notes import MusicCodec
        from zaohua.modalities.music.rolls import RollCodec

        return (MusicCodec, RollCodec)

    def recognises(self, X: object) -> bool:
        """Return whether X is a list of pieces, or `MidiFiles`."""
        from zaohua.modalities.music.midi import MidiFiles
        from zaohua.modalities.music.pieces import Piece

        return isinstance(X, MidiFiles) or (isinstance(X, list) and bool(X) and isinstance(X[0], Piece))

    def open(self, paths: Sequence[Path], labels: Sequence[object] | None = None) -> MidiFiles:
        """Return the pieces of some MIDI files."""
        from zaohua.modalities.music.midi import MidiFiles

        return MidiFiles(list(paths), labels)

    def read_file(self, path: Path, split: str | None = None) -> Read | None:
        """Read a MIDI file, or a published table of piano rolls."""
        if path.suffix.casefold() not in self.other_suffixes:
            return super().read_file(path, split)
        from zaohua.modalities.music.roll_files import holds_rolls, read_rolls

        if not holds_rolls(path):
            return None
        return Read(read_rolls(path, split), None)

    @property
    def datasets(self) -> tuple[DataSet, ...]:
        """Bach's chorales."""
        from zaohua.modalities.music.datasets import DATASETS

        return DATASETS
