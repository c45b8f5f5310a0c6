"""Writing of models to huggingface.co: `model.json`, the weights, the manifest and the card, and nothing else.

Checkpoints, previews and the history of a run stay here, as do the places where its data and its base are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from torch import Tensor

from zaohua.core import registry
from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError, shown
from zaohua.core.json import Json
from zaohua.interop import licences
from zaohua.interop.hub import explained
from zaohua.modalities.remote.addresses import is_url
from zaohua.storage import runs
from zaohua.storage.atomic import MANIFEST, encoded, hashes_of, listed_in, sha256, write_folder
from zaohua.storage.card import card
from zaohua.storage.layout import CARDS, MODEL, WEIGHTS
from zaohua.storage.published import HUB_NAME, is_hub_name

if TYPE_CHECKING:
    from huggingface_hub import HfApi

FILES = (MANIFEST, MODEL, WEIGHTS, CARDS[0])
"""What is written."""
GIVEN = {".gitattributes"}
"""What the hub itself puts into a repository."""


def push_to_hub(
    model: Any,
    name: str,
    *,
    license: str | None = None,
    datasets: Sequence[str] = (),
    tags: Sequence[str] = (),
    private: bool = False,
    overwrite: bool = False,
) -> str:
    """Write a fitted model to huggingface.co, from where `load(name)` reads it.

    Args:
        model: the model.
        name: `org/name`.
        license: its licence, such as "apache-2.0"; by default that of the published model that it was made from.
        datasets: names of data sets on the hub that it learnt from, for the card.
        tags: words by which it is found, for the card.
        private: True to create a repository that only its owners see.
        overwrite: True to replace files there that somebody else wrote.

    Returns:
        `org/name@revision`, which stands for what was written.

    Raises:
        ZaohuaError: nobody is logged in, the base's licence forbids it, or the repository holds other files.
    """
    from zaohua.estimator.base import GenerativeModel

    if not isinstance(model, GenerativeModel):
        raise ZaohuaError(f"push_to_hub takes a fitted model, not {shown(model)}")
    model.with_options()  # raises if it isn't fitted
    release = Release(license, tuple(datasets), tuple(tags), private, overwrite)
    return pushed(model.to_json(), model.tensors(), name, release)


@dataclass(frozen=True)
class Release:
    """How a model is published; see `push_to_hub`."""

    license: str | None
    datasets: tuple[str, ...]
    tags: tuple[str, ...]
    private: bool
    overwrite: bool


def pushed(data: Json, tensors: Mapping[str, Tensor], name: str, release: Release) -> str:
    """Write the content of a run to the hub; see `push_to_hub`."""
    from huggingface_hub import HfApi, get_token

    if not HUB_NAME.fullmatch(name) or "@" in name:
        raise ZaohuaError(f"{name} isn't a name on huggingface.co: it is written org/name")
    base = data.get("base") or {}
    origin = (base.get("published") or {}).get("licence")
    chosen = licences.of_derived(
        origin, release.license, str(base.get("run") or name) if base else name, option("license")
    )
    if get_token() is None:
        raise ZaohuaError("nobody is logged in at huggingface.co: hf auth login")
    front = {
        "license": chosen.casefold(),
        "library_name": "zaohua",
        "base_model": _base(base),
        "datasets": [*release.datasets],
        "tags": ["zaohua", registry.short_name(data["model"]), *release.tags],
    }
    with TemporaryDirectory() as temporary, explained(name):
        folder = Path(temporary) / name.partition("/")[2]
        _write(folder, _anonymous(data), tensors, name, front)
        return f"{name}@{_commit(HfApi(), folder, name, release)}"


def _base(base: Json) -> str | None:
    """Return the name on the hub of the model that one was made from; None if it has none."""
    name = str(base.get("run") or "")
    return name.partition("@")[0] if is_hub_name(name) else None


def _anonymous(data: Json) -> Json:
    """Return the content of `model.json` without the places of files on this machine."""
    source, base = data.get("source"), data.get("base")
    if source is not None:
        source = {key: _name(value) for key, value in source.items() if key not in ("at", "y_at")}
    if base is not None:
        base = {**base, "run": _name(base.get("run"))}
    return {**data, "source": source, "base": base}


def _name(value: object) -> object:
    """Return the name of a file or folder without its place; names on the hub and addresses stay."""
    if not isinstance(value, str) or is_hub_name(value) or is_url(value):
        return value
    return Path(value).name or value


def _write(folder: Path, data: Json, tensors: Mapping[str, Tensor], name: str, front: Json) -> None:
    """Write the files into a new folder, with a card for readers of the hub."""
    runs.save_model(folder, data, tensors)
    whole = json.loads((folder / MODEL).read_text("utf-8"))
    write_folder(folder, {CARDS[0]: encoded(front_matter(front) + card(whole, name))})


def front_matter(values: Json) -> str:
    """Return the lines that the hub reads at the beginning of a card, in YAML, of which JSON is a part."""
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items() if value]
    return "\n".join(["---", *lines, "---", "", ""])


def _commit(api: HfApi, folder: Path, name: str, release: Release) -> str:
    """Write the files in one commit, and return its hash.

    Raises:
        ZaohuaError: the repository holds files that we didn't write.
    """
    from huggingface_hub import CommitOperationAdd

    api.create_repo(name, private=release.private, exist_ok=True)
    there = {*api.list_repo_files(name)} - GIVEN
    if there and not release.overwrite:
        known = _known(api, name, there)
        if others := sorted(there - known):
            raise ZaohuaError(
                f"{name} holds files that zaohua didn't write ({', '.join(others[:3])}): nothing was written; "
                f"{option('overwrite', True)} replaces those of the same names"
            )
    files = [file for file in FILES if (folder / file).is_file()]
    operations = [CommitOperationAdd(path_in_repo=file, path_or_fileobj=str(folder / file)) for file in files]
    done = api.create_commit(name, operations, commit_message="Written by zaohua")
    return str(done.oid)


def _known(api: HfApi, name: str, there: set[str]) -> set[str]:
    """Return the files of a repository that are as we wrote them; of weights, the name is looked at only."""
    if MANIFEST not in there:
        return set()
    listed = listed_in(Path(api.hf_hub_download(name, MANIFEST)))
    small = [file for file in (MODEL, CARDS[0]) if file in listed and file in there]
    same = {file for file in small if sha256(Path(api.hf_hub_download(name, file)).read_bytes()) == listed[file]}
    return same | ({MANIFEST, WEIGHTS} if listed else set())


def pull(name: str, out: str | Path) -> Path:
    """Save a model of huggingface.co as a run, which remembers its name and its revision.

    Args:
        name: `org/name`, or `org/name@revision`.
        out: folder of the run, new or empty.

    Raises:
        ZaohuaError: there is no such model, or the folder holds something.
    """
    folder = Path(out)
    if not is_hub_name(name):
        raise ZaohuaError(f"{name} isn't a name on huggingface.co, or there is such a folder here: write org/name")
    if hashes_of(folder) or (folder.exists() and any(folder.iterdir())):
        raise ZaohuaError(f"{folder} holds files: choose a new or an empty folder")
    data, tensors = runs.load_model(name)
    if tensors is None:
        raise ZaohuaError(f"{name} has no weights")
    return runs.save_model(folder, data, tensors)
