"""Find run folders and data that are given on the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zaohua.core.errors import NoLabels, SomeLabels, ZaohuaError
from zaohua.core.notes import note
from zaohua.storage import outputs, published
from zaohua.storage.facts import read_model as read_model
from zaohua.storage.layout import MODEL

if TYPE_CHECKING:
    from zaohua.modalities.modality import Modality


def find_option(option: str, arguments: Sequence[str]) -> str | None:
    """Find the value of an option before all options are known; None when it isn't given."""
    for argument, following in zip(arguments, [*arguments, None][1:], strict=True):
        if argument == option:
            return following
        if argument.startswith(option + "="):
            return argument.partition("=")[2]
    return None


def default(command: str, data: str, again: bool = False, root: Path = Path("runs")) -> Path:
    """Name a run folder, runs/MODEL-DATA, with the first free number behind it; `again` gives the newest there is."""
    from zaohua.modalities.files.patterns import FilePattern
    from zaohua.modalities.remote.addresses import is_url, name_of

    pattern = None if is_url(data) else FilePattern.of(data)
    path = Path(name_of(data) if is_url(data) else data) if pattern is None else pattern.folder
    stem = re.sub(r"\W+", "-", path.name.split(".")[0].casefold()).strip("-") or "data"
    name = f"{command}-{stem}"
    number, last = 1, root / name
    folder = last
    while holds_run(folder):
        number, last = number + 1, folder
        folder = root / f"{name}-{number}"
    return last if again else folder


def place_for(run: str | Path) -> Path:
    """Return the folder into which a command writes unless it is told: a run's own, else the current one.

    Nothing is written into the folder of a published model, or beside it.
    """
    return Path() if published.is_published(run) else Path(run)


def page_for(run: str | Path, chosen: str | None, name: str, overwrite: bool) -> Path:
    """Return the page that a command writes: that which is named, else one of a name in the run, which is replaced.

    Raises:
        ZaohuaError: what is named is no .html file, or there is one that isn't to be overwritten.
    """
    if chosen is None:
        return place_for(run) / name
    page = Path(chosen)
    if page.suffix.casefold() not in (".html", ".htm"):
        raise ZaohuaError(f"{chosen}: a page is written to an .html file")
    outputs.check(page, overwrite)
    return page


def holds_run(folder: Path) -> bool:
    """Tell whether a run was saved there."""
    return (folder / MODEL).exists()


def read(
    data: str,
    split: str,
    labels: bool,
    modality: str | None = None,
    prefer: Modality | Sequence[Modality] | None = None,
    y: str | None = None,
) -> tuple[object, object, str | None]:
    """Make X, y and the kind of data for `fit` of DATA; y is True if it carries labels that are wanted.

    A model prefers the kinds of data that it takes where DATA holds several. The path or name itself is handed on where
    it can be: the run remembers it, and can be resumed without DATA.

    Args:
        data: path or name of the data.
        split: split to read.
        labels: whether labels that the data carry are wanted.
        modality: kind of data that was asked for.
        prefer: kinds of data that the model takes.
        y: path or name of the conditions, or the column of a table, if they are given apart.
    """
    from zaohua import modalities

    of_split = None if split == "train" else split
    wanted: str | bool | None = y
    if y is None:
        wanted = True if labels and _labelled(data, of_split, modality, prefer) else None
    if of_split is None:
        return data, wanted, modality
    items, found, kind = modalities.read_with_kind(data, wanted, split=split, modality=modality, prefer=prefer)
    return items, found, modality if kind is None else kind.name


def _labelled(data: str, split: str | None, modality: str | None, prefer: Modality | Sequence[Modality] | None) -> bool:
    """Tell whether a path or data set carries labels."""
    from zaohua import modalities
    from zaohua.modalities.datasets import known

    if is_named(data):
        return known()[data].labelled
    try:
        return modalities.read(data, True, split=split, modality=modality, prefer=prefer)[1] is not None
    except SomeLabels as error:
        note(str(error).replace("carries no labels", "without labels"))
        return False
    except NoLabels:
        return False


def is_named(data: str) -> bool:
    """Tell whether DATA is the name of a data set, and no file or folder."""
    from zaohua.modalities.datasets import known

    return data in known() and not Path(data).exists()
