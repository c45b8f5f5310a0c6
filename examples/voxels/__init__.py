"""3-D shapes as a kind of data: `import examples.voxels`, then `zh.Flow().fit("shapes")` makes more of them.

Items are arrays of true and false, (n, X, Y, Z). On disk each is a .binvox file, or all are in one .npz.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import zaohua as zh
from zaohua.modalities.modality import Read, refuse_split

if TYPE_CHECKING:
    from zaohua.modalities.data_set import DataSet


class Voxels(zh.Modality):
    """Solid shapes on a grid of one size."""

    name: ClassVar[str] = "voxels"
    noun: ClassVar[str] = "shapes"
    suffixes: ClassVar[frozenset[str]] = frozenset({".binvox"})
    given: ClassVar[str] = "a boolean array (n, X, Y, Z)"
    protocol: ClassVar[str | None] = f"{__name__}.evaluation:VoxelProtocol"

    @property
    def codecs(self) -> tuple[type[zh.Codec], ...]:
        """Return the codec of occupied voxels."""
        from .codec import VoxelCodec

        return (VoxelCodec,)

    def recognises(self, X: Any) -> bool:
        """Return whether X is a boolean array of four axes; numbers may as well be images."""
        return getattr(X, "ndim", 0) == 4 and X.dtype == bool

    def open(self, paths: Sequence[Path], labels: Sequence[Any] | None = None) -> Any:
        """Read .binvox files of one size."""
        from zaohua.modalities.files.values import stacked

        from .files import read_binvox

        return stacked([read_binvox(path) for path in paths])

    def read_file(self, path: Path, split: str | None = None) -> Read | None:
        """Read one .binvox file, or an .npz of many shapes, with `modality="voxels"`."""
        if path.suffix.casefold() != ".npz":
            return super().read_file(path, split)
        from zaohua.modalities.files.arrays import read_npz

        refuse_split(path, split)
        shapes, labels = read_npz(path)
        return Read(shapes, None if labels is None else labels.tolist())

    @property
    def datasets(self) -> tuple[DataSet, ...]:
        """Return the data set that is made in code."""
        from zaohua.modalities.data_set import DataSet

        from .shapes import load

        return (DataSet("shapes", self.name, "5000 spheres, boxes, tori and crosses, 12x12x12, made in code", load),)


zh.register(Voxels())
