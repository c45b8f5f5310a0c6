"""Image data sets that are known by name."""

from __future__ import annotations

import numpy as np

from zaohua.modalities.data_set import DataSet
from zaohua.modalities.files.download import File


def _digits(entry: DataSet, split: str) -> tuple[np.ndarray, list[object]]:
    """Load scikit-learn's 1797 digits of 8 x 8 pixels with values 0 to 16; the last 297 are the test split."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    rows = slice(0, 1500) if split == "train" else slice(1500, None)
    return digits.images[rows].astype(np.uint8), digits.target[rows].tolist()


def _idx(entry: DataSet, split: str) -> tuple[np.ndarray, list[object]]:
    from zaohua.modalities.files.arrays import read_idx

    images, labels = (read_idx(path) for path in entry.paths(split))
    return images, [entry.classes[i] if entry.classes else i for i in labels.tolist()]


def _idx_files(home: str, *table: tuple[str, int, str]) -> tuple[tuple[File, ...], ...]:
    """Return four rows (name, size, sha256), images and labels of both splits, as `DataSet.files`."""
    files = [File(name, sha256, size, home) for name, size, sha256 in table]
    return (files[0], files[1]), (files[2], files[3])


DATASETS: tuple[DataSet, ...] = (
    DataSet("digits", "images", "1797 handwritten digits, 8x8 grey, built in (scikit-learn)", _digits),
    DataSet(
        "mnist",
        "images",
        "70,000 handwritten digits, 28x28 grey",
        _idx,
        files=_idx_files(
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            (
                "train-images-idx3-ubyte.gz",
                9912422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            (
                "train-labels-idx1-ubyte.gz",
                28881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            (
                "t10k-images-idx3-ubyte.gz",
                1648877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            ("t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ),
    ),
    DataSet(
        "fashion-mnist",
        "images",
        "70,000 garments of ten kinds, 28x28 grey",
        _idx,
        files=_idx_files(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            (
                "train-images-idx3-ubyte.gz",
                26421880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            (
                "train-labels-idx1-ubyte.gz",
                29515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            (
                "t10k-images-idx3-ubyte.gz",
                4422102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            ("t10k-labels-idx1-ubyte.gz", 5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ),
        classes=("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"),
    ),
)
