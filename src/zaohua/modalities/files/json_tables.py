"""Tables of files in JSON: Hugging Face's `metadata.jsonl`, StyleGAN's `dataset.json`, captions of COCO."""

from __future__ import annotations

import json
from pathlib import Path

from zaohua.core.json import Json, JsonValue
from zaohua.core.notes import note, shown
from zaohua.modalities.base import counted
from zaohua.modalities.files.listing import IsFile, Listing, NoLabelsInside, file_columns


def json_lines(path: Path, is_file: IsFile, is_surely: IsFile | None) -> Listing:
    """Read lines of JSON: in each an object with `file_name` and whatever belongs to the file.

    Args:
        path: the table.
        is_file: whether a name stands for a file.
        is_surely: as for `file_columns`.

    Raises:
        NoLabelsInside: it holds nothing that belongs to files.
    """
    records = list[Json]()
    for number, line in enumerate(path.read_text("utf-8-sig", errors="replace").split("\n"), start=1):
        if line.strip():
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                raise NoLabelsInside(f"line {number} isn't JSON") from None
            if not isinstance(record, dict):
                raise NoLabelsInside(f"line {number} isn't an object")
            records.append(record)
    if not records:
        raise NoLabelsInside("it is empty")
    names = list(dict.fromkeys(key for record in records for key in record))
    files = file_columns(names, lambda at: [record.get(names[at]) for record in records[:20]], is_file, is_surely)
    without = next(
        (n for n, r in enumerate(records, 1) if not any(isinstance(r.get(names[at]), str) for at in files)), 0
    )
    if without:
        raise NoLabelsInside(f"line {without} has no file_name")
    nested = [name for name in names if any(_is_nested(record.get(name)) for record in records)]
    kept = [at for at, name in enumerate(names) if name not in nested]
    if len(kept) <= max(1, len(files)) and len(files) < 2:
        raise NoLabelsInside(
            f"{nested[0]} holds lists, not one label for each file" if nested else "it has nothing but names of files"
        )
    if nested:
        note(f"left out {counted(len(nested), 'column')} of {path.name} with lists or objects ({shown(nested)})")
    rows: list[list[JsonValue]] = [[_cell(record.get(names[at])) for at in kept] for record in records]
    return Listing([names[at] for at in kept], rows, [kept.index(at) for at in files if at in kept])


def _is_nested(value: JsonValue) -> bool:
    """Return True for an object, and for a list of anything but names, which are several labels of an item."""
    return isinstance(value, dict) or (isinstance(value, list) and not all(isinstance(tag, str) for tag in value))


def _cell(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return frozenset(value)
    return (value.strip() or None) if isinstance(value, str) else value


def json_table(path: Path) -> Listing:
    """Read a `dataset.json`, {"labels": [["00000/img.png", 6], ...]}, or captions of COCO.

    Raises:
        NoLabelsInside: it is neither.
    """
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise NoLabelsInside("it isn't JSON") from None
    if isinstance(data, dict) and isinstance(data.get("annotations"), list) and isinstance(data.get("images"), list):
        return _coco(path, data["images"], data["annotations"])
    labels = data.get("labels") if isinstance(data, dict) else None
    pairs = list(labels.items()) if isinstance(labels, dict) else labels
    if not isinstance(pairs, list) or not pairs:
        raise NoLabelsInside("it holds no list of labels")
    if not all(isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs):
        raise NoLabelsInside("its labels aren't pairs of a file's name and a label")
    if any(isinstance(label, (list, dict)) for _, label in pairs):
        raise NoLabelsInside("labels holds lists, not one label for each file")
    return Listing(["file_name", "label"], [[name, _cell(label)] for name, label in pairs], [0])


def _coco(path: Path, images: list[JsonValue], annotations: list[JsonValue]) -> Listing:
    """Read captions of COCO: {"images": [{"id", "file_name"}], "annotations": [{"image_id", "caption"}]}."""
    names = {image["id"]: image["file_name"] for image in images if _has(image, "id", "file_name")}
    captions = [one for one in annotations if _has(one, "image_id", "caption")]
    if not captions:
        raise NoLabelsInside("it holds no captions")
    rows: list[list[JsonValue]] = [
        [names[one["image_id"]], _cell(one["caption"])] for one in captions if one["image_id"] in names
    ]
    if not rows:
        raise NoLabelsInside("its captions have no image_id of one of its images")
    if lost := len(annotations) - len(rows):
        note(f"left out {lost:,} of {len(annotations):,} annotations of {path.name} without a caption, or an image")
    return Listing(["file_name", "caption"], rows, [0])


def _has(value: JsonValue, identity: str, text: str) -> bool:
    return isinstance(value, dict) and isinstance(value.get(identity), (int, str)) and isinstance(value.get(text), str)
