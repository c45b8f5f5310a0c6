"""Models on huggingface.co: fetched once, at a revision that is remembered; only settings, weights and tokenizers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from zaohua.core.errors import ZaohuaError

READ = ("*.json", "*.safetensors", "*.jinja", "README.md")
"""What is fetched: never code, never pickles."""
NOT_READ = ("*/*",)
"""Nor what is in folders."""


class Fetched(NamedTuple):
    """A model that was fetched.

    Attributes:
        folder: where its files are.
        repository: `org/name`.
        revision: hash of its revision.
    """

    folder: Path
    repository: str
    revision: str

    @property
    def pinned(self) -> str:
        """Return the name that stands for this revision for ever."""
        return f"{self.repository}@{self.revision}"


def fetched(name: str) -> Fetched:
    """Fetch a model of the hub, unless it was fetched before.

    Args:
        name: `org/name`, or `org/name@revision`.

    Raises:
        ZaohuaError: there is no such model, it can't be reached, or its files lead elsewhere.
    """
    from huggingface_hub import snapshot_download

    repository, _, revision = name.partition("@")
    with explained(name):
        folder = Path(
            snapshot_download(
                repository, revision=revision or None, allow_patterns=list(READ), ignore_patterns=list(NOT_READ)
            )
        )
    _check(folder, name)
    return Fetched(folder, repository, folder.name)


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Convert errors of the hub into a `ZaohuaError` of one line that names the model."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        LocalTokenNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except GatedRepoError:
        how = "give it on huggingface.co, and log in (hf auth login)"
        raise ZaohuaError(f"{name} asks for consent first: {how}") from None
    except RevisionNotFoundError:
        raise ZaohuaError(f"{name}: huggingface.co has that model, but not this revision") from None
    except RepositoryNotFoundError:
        raise ZaohuaError(f"there is no folder {name}, and no such model on huggingface.co") from None
    except LocalTokenNotFoundError:
        raise ZaohuaError("nobody is logged in at huggingface.co: hf auth login") from None
    except HFValidationError as error:
        raise ZaohuaError(f"{name} can't be a name on huggingface.co: {_short(error)}") from None
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, OSError) as error:
        reason = f"huggingface.co can't be reached for it ({_short(error)})"
        raise ZaohuaError(f"there is no folder {name}, and {reason}") from None


def _short(error: Exception) -> str:
    """Return the beginning of a message in one line."""
    return " ".join(str(error).split())[:120]


def _check(folder: Path, name: str) -> None:
    """Check that no file of a snapshot leads elsewhere than into the cache of its repository.

    Raises:
        ZaohuaError: one does.
    """
    within = folder.resolve().parents[1] if folder.parent.name == "snapshots" else folder.resolve()
    for path, folders, files in os.walk(folder):
        for file in (*folders, *files):
            at = Path(path, file)
            if not at.resolve().is_relative_to(within):
                shown = at.relative_to(folder)
                raise ZaohuaError(f"{name} isn't read: its file {shown} is a link to somewhere outside of it")
