"""Text data sets that are known by name."""

from __future__ import annotations

from zaohua.modalities.data_set import DataSet, twice
from zaohua.modalities.files.download import File


def _shakespeare(entry: DataSet, split: str) -> tuple[list[str], None]:
    """Load one text: the first 90 % of its characters are the training split, the last 10 % the test split."""
    text = entry.paths(split)[0].read_text("utf-8")
    cut = len(text) * 9 // 10
    return [text[:cut] if split == "train" else text[cut:]], None


def _lines(entry: DataSet, split: str) -> tuple[list[str], None]:
    """Load a text per line; every tenth belongs to the test split."""
    lines = entry.paths(split)[0].read_text("utf-8").split()
    return [line for i, line in enumerate(lines) if (i % 10 == 9) == (split == "test")], None


def _poems(entry: DataSet, split: str) -> tuple[list[str], None]:
    """Load a text per distinct poem, a verse per line; every tenth belongs to the test split."""
    import json

    records = [record for path in entry.paths(split) for record in json.loads(path.read_text("utf-8"))]
    poems = list(dict.fromkeys(text for record in records if (text := "\n".join(record["paragraphs"]))))
    return [poem for i, poem in enumerate(poems) if (i % 10 == 9) == (split == "test")], None


def _pydoc(entry: DataSet, split: str) -> tuple[list[str], None]:
    """Load the prose of Python's language reference, as `help()` shows it: a text per topic, every tenth for testing.

    Paragraphs that occur in several topics are in the first only. The texts depend on the version of Python.
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


def _tang(*table: tuple[str, int, str]) -> tuple[tuple[File, ...], ...]:
    """Return rows (name, size, sha256) of the Tang poems as `DataSet.files`."""
    home = "https://raw.githubusercontent.com/chinese-poetry/chinese-poetry/master/%E5%85%A8%E5%94%90%E8%AF%97/"
    return twice(*[File(name, sha256, size, home) for name, size, sha256 in table])


DATASETS: tuple[DataSet, ...] = (
    DataSet(
        "tinyshakespeare",
        "texts",
        "1.1 million characters of Shakespeare's plays",
        _shakespeare,
        files=twice(
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
        files=twice(
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
)
