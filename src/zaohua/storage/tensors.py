"""Named tensors as safetensors files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from zaohua.core.errors import CheckpointError
from zaohua.storage.atomic import sha256


def tensor_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """Encode named tensors as a safetensors file; copies, because they must be contiguous and not share memory."""
    return safetensors.torch.save({name: t.detach().cpu().clone().contiguous() for name, t in tensors.items()})


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: dict[str, str] | None = None) -> None:
    """Write named tensors as a safetensors file that others may read as they may read new files.

    The library itself leaves files that only their owner may read.
    """
    path.touch()
    mode = path.stat().st_mode
    safetensors.torch.save_file(dict(tensors), path, about)
    path.chmod(mode)


def weights_hash(tensors: Mapping[str, Tensor]) -> str:
    """Return the sha256 that the manifest of a run has for the weights of a model."""
    return sha256(tensor_bytes(tensors))


def read_tensors(path: Path, data: bytes) -> dict[str, Tensor]:
    """Decode a safetensors file, whose path is for the message.

    Raises:
        CheckpointError: it is none.
    """
    try:
        return safetensors.torch.load(data)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"{path} isn't what zaohua saves: {error}") from None
