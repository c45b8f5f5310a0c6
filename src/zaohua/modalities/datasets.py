"""Data sets by name. A set joins by one entry in `SETS`; reading the table imports neither torch nor sklearn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zaohua.core.errors import unknown
from zaohua.modalities.files.download import File, find

Loader = Callable[["DataSet", str], tuple[Any, list[Any] | None]]


@dataclass(frozen=True)
class DataSet:
    """An entry of the table of data sets.

    Attributes:
        name: what people call it.
        modality: kind of its items, as codecs name it.
        about: what it holds, in one line.
        load: (this entry, split) -> (items, labels).
        splits: names of its splits, the first being the default.
        files: for each split the files that it is made of.
        classes: names of the labels 0, 1, ...; the numbers themselves if empty.
        labelled: whether its items have labels.
        folder: of its files; the set's own name if empty.
    """

    name: str
    modality: str
    about: str
    load: Loader
    splits: tuple[str, ...] = ("train", "test")
    files: tuple[tuple[File, ...], ...] = ()
    classes: tuple[str, ...] = ()
    labelled: bool = True
    folder: str = ""

    def paths(self, split: str) -> list[Path]:
        """Verified copies of the files of a split."""
        return [find(self.folder or self.name, file) for file in self.files[self.splits.index(split)]]


def names(modality: str | None = None) -> list[str]:
    """Names of the known data sets, of one kind if it is given."""
    return [name for name, entry in SETS.items() if modality in (None, entry.modality)]


def load(name: str, split: str = "train") -> tuple[Any, Any]:
    """Items and labels of a known data set.

    Args:
        name: one of `names()`.
        split: one of the set's splits, "train" or "test" for most.

    Returns:
        (items, labels): for images a uint8 array (n, H, W) and a list of n labels, by name; for texts a list of them,
        for music a list of `Piece`; and None where they have no labels.

    Raises:
        ZaohuaError: no such set or split, or its files can't be had; the message says what to do.
    """
    if name not in SETS:
        raise unknown("data set", name, SETS)
    if split not in SETS[name].splits:
        raise unknown(f"split of {name}:", split, SETS[name].splits)
    return SETS[name].load(SETS[name], split)


def _digits(entry: DataSet, split: str) -> tuple[Any, list[Any]]:
    """scikit-learn's 1797 digits of 8x8 pixels with values 0..16: the last 297 are the test split."""
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    rows = slice(0, 1500) if split == "train" else slice(1500, None)
    return digits.images[rows].astype(np.uint8), digits.target[rows].tolist()


def _idx(entry: DataSet, split: str) -> tuple[Any, list[Any]]:
    from zaohua.modalities.files.arrays import read_idx

    images, labels = (read_idx(path) for path in entry.paths(split))
    return images, [entry.classes[i] if entry.classes else i for i in labels.tolist()]


def _shakespeare(entry: DataSet, split: str) -> tuple[Any, None]:
    """One text: the first 90 % of the characters to train on, the last 10 % to test on."""
    text = entry.paths(split)[0].read_text("utf-8")
    cut = len(text) * 9 // 10
    return [text[:cut] if split == "train" else text[cut:]], None


def _lines(entry: DataSet, split: str) -> tuple[Any, None]:
    """A text for each line; every tenth is to test on."""
    lines = entry.paths(split)[0].read_text("utf-8").split()
    return [line for i, line in enumerate(lines) if (i % 10 == 9) == (split == "test")], None


def _poems(entry: DataSet, split: str) -> tuple[Any, None]:
    """A text for each different poem, its verses as lines; every tenth is to test on."""
    import json

    records = [record for path in entry.paths(split) for record in json.loads(path.read_text("utf-8"))]
    poems = list(dict.fromkeys(text for record in records if (text := "\n".join(record["paragraphs"]))))
    return [poem for i, poem in enumerate(poems) if (i % 10 == 9) == (split == "test")], None


def _pydoc(entry: DataSet, split: str) -> tuple[Any, None]:
    """The prose of Python's own language reference, as `help()` shows it: a text a topic, every tenth to test on.

    What stands in several topics is in the first only. It differs a little from version to version of Python.
    """
    from pydoc_data.topics import topics

    from zaohua.modalities.texts.prose import paragraphs

    seen: set[str] = set()
    texts = []
    for name in sorted(topics):
        new = [part for part in paragraphs(topics[name]) if part not in seen]
        seen.update(new)
        texts.append("\n\n".join(new))
    return [text for i, text in enumerate(filter(None, texts)) if (i % 10 == 9) == (split == "test")], None


ADULT = (
    "age workclass fnlwgt education education-num marital-status occupation relationship race sex capital-gain "
    "capital-loss hours-per-week native-country income"
)
"""The columns of the census, which its files don't name."""


def _adult(entry: DataSet, split: str) -> tuple[Any, None]:
    """The census of 1994 as it was split when it was published; the second file ends its classes with a point."""
    from zaohua.modalities.files.delimited import read_table

    frame = read_table(entry.paths(split)[0], names=ADULT.split(), comment="|")
    frame["income"] = frame["income"].str.removesuffix(".")
    return frame, None


def _fifths(entry: DataSet, split: str) -> tuple[Any, None]:
    """A table of which every fifth row is to test on."""
    from zaohua.modalities.files.delimited import read_table

    frame = read_table(entry.paths(split)[0])
    return frame[(frame.index % 5 == 4) == (split == "test")].reset_index(drop=True), None


DIGIT_SOUNDS = "c508ca40e62214f8ea81451ff705df6e9a68265da606e26d5455a6a8d1e5bf81"
"""sha256 of the names and samples of all spoken digits, however they are packed."""


def _digit_sounds(entry: DataSet, split: str) -> tuple[Any, list[Any]]:
    """Spoken digits, `{digit}_{speaker}_{index}.wav`: index 0 to 4 to test on. Both splits have the same speakers."""
    from zaohua.modalities.sounds.sound import read_archive

    sounds = read_archive(entry.paths(split)[0], DIGIT_SOUNDS)
    names = [name for name in sorted(sounds) if (int(name.split("_")[2]) < 5) == (split == "test")]
    return [sounds[name] for name in names], [int(name.split("_")[0]) for name in names]


def _tones(entry: DataSet, split: str) -> tuple[Any, list[Any]]:
    from zaohua.modalities.sounds import tones

    return tones.make(split)


def _rolls(entry: DataSet, split: str) -> tuple[Any, None]:
    """The pieces of a table that holds all splits."""
    from zaohua.modalities.music.roll_files import read_rolls

    return read_rolls(entry.paths(split)[0], split), None


def _idx_files(home: str, *table: tuple[str, int, str]) -> tuple[tuple[File, ...], ...]:
    """Four rows (name, size, sha256), images and labels of train and test, as `DataSet.files`."""
    files = [File(name, sha256, size, home) for name, size, sha256 in table]
    return (files[0], files[1]), (files[2], files[3])


def _twice(*files: File) -> tuple[tuple[File, ...], ...]:
    """The files that both splits are made of."""
    return files, files


def _tang(*table: tuple[str, int, str]) -> tuple[tuple[File, ...], ...]:
    """Rows (name, size, sha256) of the Tang poems, as `DataSet.files`."""
    home = "https://raw.githubusercontent.com/chinese-poetry/chinese-poetry/master/%E5%85%A8%E5%94%90%E8%AF%97/"
    return _twice(*[File(name, sha256, size, home) for name, size, sha256 in table])


def _chorales(name: str, about: str, file: str, sha256: str, size: int) -> DataSet:
    """Bach's chorales in one of their published forms: a file that holds all splits."""
    found = File(file, sha256, size, "https://raw.githubusercontent.com/czhuang/JSB-Chorales-dataset/master/")
    return DataSet(
        name, "music", about, _rolls, ("train", "test", "valid"), 3 * ((found,),), labelled=False, folder="jsb-chorales"
    )


SETS: dict[str, DataSet] = {
    entry.name: entry
    for entry in (
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
        DataSet(
            "tinyshakespeare",
            "texts",
            "1.1 million characters of Shakespeare's plays",
            _shakespeare,
            files=_twice(
                File(
                    "input.txt",
                    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
                    1115394,
                    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/",
                )
            ),
            labelled=False,
        ),
        DataSet(
            "names",
            "texts",
            "32,033 first names",
            _lines,
            files=_twice(
                File(
                    "names.txt",
                    "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
                    228145,
                    "https://raw.githubusercontent.com/karpathy/makemore/master/",
                )
            ),
            labelled=False,
        ),
        DataSet("pydoc", "texts", "Python's language reference, built in (100,000 characters)", _pydoc, labelled=False),
        DataSet(
            "chinese-poetry",
            "texts",
            "3,272 Tang poems in traditional characters, a text each",
            _poems,
            files=_tang(
                ("poet.tang.0.json", 408405, "4f88f429938082523cdc72a1612bd7a7c3e3f7a33f8192c61ae51340efc3c92d"),
                ("poet.tang.1000.json", 477519, "6e703b8d8dcedbd6110f6d48d043665ca2131db2035a5bfcef5e59a19aeb6d75"),
                ("poet.tang.2000.json", 417948, "ec28efa7e2ae9cdbbba09f0ed186e32ccae47a325ad1e5816b7ad56071c1665a"),
                ("tang300.json", 190787, "d77a145f7470da2ed2f79515944563c062ffc43fceda07f195a36ead66b7e5c7"),
            ),
            labelled=False,
        ),
        DataSet(
            "adult",
            "tables",
            "48,842 people of the US census of 1994, 15 columns",
            _adult,
            files=tuple(
                (File(name, sha256, size, "https://archive.ics.uci.edu/ml/machine-learning-databases/adult/"),)
                for name, size, sha256 in (
                    ("adult.data", 3974305, "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d"),
                    ("adult.test", 2003153, "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05"),
                )
            ),
            labelled=False,
        ),
        DataSet(
            "online-shoppers",
            "tables",
            "12,330 visits to a shop, 18 columns",
            _fifths,
            files=_twice(
                File(
                    "online_shoppers_intention.csv",
                    "44b29f6ac84d6491bcf8d78e3cd544c10df910fe518293454174876f25956c4f",
                    1072060,
                    "https://archive.ics.uci.edu/ml/machine-learning-databases/00468/",
                )
            ),
            labelled=False,
        ),
        DataSet(
            "california-housing",
            "tables",
            "20,640 districts of California, 10 columns",
            _fifths,
            files=_twice(
                File(
                    "housing.csv",
                    "8a3727f4cf54ac1a327f69b1d5b4db54c5834ea81c6e4efc0d163300022a685e",
                    1423529,
                    "https://raw.githubusercontent.com/ageron/handson-ml2/master/datasets/housing/",
                )
            ),
            labelled=False,
        ),
        DataSet(
            "fsdd",
            "sounds",
            "3,000 spoken digits of six speakers, 8 kHz",
            _digit_sounds,
            files=_twice(
                File(
                    "recordings.tar.gz",
                    "",
                    15558071,
                    "",
                    "get github.com/Jakobovski/free-spoken-digit-dataset, pack its folder recordings with tar",
                )
            ),
        ),
        DataSet(
            "tones",
            "sounds",
            "1,080 tones, chirps, drums, bells and sirens, built in (below half a second, 8 kHz)",
            _tones,
        ),
        _chorales(
            "jsb-chorales",
            "382 chorales by J. S. Bach, the keys that sound at each quarter",
            "jsb-chorales-quarter.json",
            "2db9329f1881a1d3f49703ec556bf1d6f84b4f6c1d702c156536e93cf31e1c91",
            407200,
        ),
        _chorales(
            "jsb-chorales-16th",
            "the same, four voices at each 16th",
            "Jsb16thSeparated.json",
            "79294cc374f9252e95ef4b703161524c1c53dc1f712c236f00f1c1f5d54af5a7",
            1666444,
        ),
    )
}
"""All known data sets, by name."""
