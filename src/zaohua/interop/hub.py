"""Models on huggingface.co: fetched once, at a revision that is remembered; only settings, weights and tokenizers."""

from __future__ import annotations

from pathlib import Path

from zaohua.core.errors import ZaohuaError

READ = ("*.json", "*.safetensors", "*.jinja", "README.md")
"""What is fetched: never code, never pickles."""


def fetched(name: str) -> tuple[Path, str]:
    """Return the folder of a model of the hub, and the hash of its revision.

    Args:
        name: `org/name`, or `org/name@revision`.

    Raises:
        ZaohuaError: there is no such model, or it can't be reached.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    repository, _, revision = name.partition("@")
    try:
        folder = snapshot_download(repository, revision=revision or None, allow_patterns=list(READ))
    except GatedRepoError:
        how = "give it on huggingface.co, and log in (hf auth login)"
        raise ZaohuaError(f"{name} asks for consent first: {how}") from None
    except RepositoryNotFoundError:
        raise ZaohuaError(f"there is no folder {name}, and no such model on huggingface.co") from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        reason = " ".join(str(error).split())[:120]
        raise ZaohuaError(f"there is no folder {name}, and huggingface.co can't be reached for it ({reason})") from None
    return Path(folder), Path(folder).name
