"""The Inception network that defines FID, KID and the Inception score; distances by other networks aren't FID.

Szegedy et al., Rethinking the Inception architecture for computer vision, arXiv:1512.00567, as TensorFlow's graph
`inception-2015-12-05`, which Heusel et al. (arXiv:1706.08500) and Salimans et al. (arXiv:1606.03498) used. Besides
its weights it differs from torchvision's network in these points, each of which changes the metrics:

- images of any size are resized to 299 x 299 as TensorFlow 1 did: pixel i lies at i * size / 299 (corners aligned, not
  centres), without antialiasing; then (x - 128) / 128
- average pools don't count the zero padding, and the last block has a max pool where the others have an average pool
- there are 1008 outputs, of which 1000 are classes; the Inception score omits their bias

The weights are Google's (Apache 2.0) and take 91 MiB, so they don't come with this library. One public port of them,
95,628,359 bytes with the checksum `SHA256`, is published in two places:

    https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth
    https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth

That file is a pickle. Convert it once (no code in the pickle is run), then load the result:

    python -m zaohua.metrics.inception pt_inception-2015-12-05-6726825d.pth inception-2015.safetensors
    >>> extractor = Inception.load("inception-2015.safetensors")

Parameters have the same names as in that file.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from zaohua.core.arrays import as_array
from zaohua.core.errors import ZaohuaError
from zaohua.core.hardware import channels_last
from zaohua.metrics.inception_network import SIDE, WIDTH, InceptionNetwork

SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""Checksum of the published file."""
BATCH = 16
"""Images per batch, which takes 130 MB; larger batches aren't faster on a CPU."""


def _resize(x: Tensor, dim: int) -> Tensor:
    """Interpolate linearly along one axis to SIDE pixels, placed as TensorFlow 1 does."""
    size = x.shape[dim]
    position = torch.arange(SIDE, dtype=torch.float32) * (size / SIDE)
    low = position.long()
    part = (position - low).view([-1 if axis == dim else 1 for axis in range(x.ndim)])
    before, after = (x.index_select(dim, index).float() for index in (low, (low + 1).clamp_max(size - 1)))
    return before + (after - before) * part


def _input(images: NDArray[np.uint8]) -> Tensor:
    """Convert images (n, H, W, 1 or 3) to the network's input, float32 (n, 3, SIDE, SIDE)."""
    x = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2)
    x = (_resize(_resize(x, 3), 2) - 128) / 128
    return x.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


class Inception:
    """Feature extractor for FID, KID and the Inception score; see `load`.

    Attributes:
        name: name of the extractor in tables of results.
        hash: eight hexadecimal digits that identify the weights.
    """

    name = "inception-2015"

    def __init__(self, weights: Mapping[str, Tensor]):
        with torch.device("meta"):  # no random numbers are drawn
            network = InceptionNetwork()
        network.load_state_dict(dict(weights), strict=False, assign=True)
        network.eval().requires_grad_(False)
        network.fold()
        self.network = channels_last(network)
        digest = hashlib.sha256()
        for name in sorted(weights):
            digest.update(weights[name].contiguous().numpy().tobytes())
        self.hash = digest.hexdigest()[:8]

    @classmethod
    def load(cls, path: str | Path) -> Inception:
        """Load the network from a file of weights.

        Args:
            path: a file that `convert` wrote.

        Raises:
            ZaohuaError: the file is missing, or doesn't hold these weights.
        """
        data = _read(path)
        try:
            weights = safetensors.torch.load(data)
        except (safetensors.SafetensorError, ValueError, KeyError, TypeError, RuntimeError):
            do = "convert the published one with `python -m zaohua.metrics.inception SOURCE OUT`"
            raise ZaohuaError(f"{path} isn't a safetensors file: {do}") from None
        return cls(_checked(weights, path))

    def features(self, images: ArrayLike) -> NDArray[np.float64]:
        """Return the activations of the last pool, which FID and KID compare, float64 (n, 2048).

        Args:
            images: uint8 (n, H, W), (n, H, W, 1) or (n, H, W, 3) of any size; grey is repeated to three channels.
        """
        array = _as_images(images)
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            parts = [self.network(_input(array[i : i + BATCH])) for i in range(0, len(array), BATCH)]
        return torch.cat(parts).double().numpy()

    def probabilities(self, images: ArrayLike) -> NDArray[np.float64]:
        """Return the class probabilities that the Inception score uses, float64 (n, 1008)."""
        return self.classify(self.features(images))

    def classify(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the class probabilities from features, so that images pass through the network only once."""
        x = torch.from_numpy(np.array(features, np.float64))
        if x.shape[1:] != (WIDTH,):
            raise ZaohuaError(f"features must be (n, {WIDTH}), not {tuple(x.shape)}")
        logits = x @ self.network.fc.weight.double().T
        return logits.softmax(1).numpy()


def convert(source: str | Path, out: str | Path, sha256: str | None = SHA256) -> Path:
    """Convert the published weights to a safetensors file.

    Args:
        source: the published file, a state dict of torch.
        out: the file to write.
        sha256: expected checksum of the source; None accepts any weights of the right names and shapes.

    Returns:
        The path of the written file.

    Raises:
        ZaohuaError: the source is missing or isn't the published file, or the result can't be written.
    """
    data, path = _read(source), Path(out)
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise ZaohuaError(f"{source} isn't the published file (its sha256 differs): --help says where to get it")
    try:
        weights = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:  # a broken pickle may raise anything
        raise ZaohuaError(f"{source} isn't a state dict of torch") from None
    if not isinstance(weights, Mapping) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise ZaohuaError(f"{source} isn't a state dict of torch")
    tensors = {str(k): v for k, v in weights.items() if not str(k).endswith("num_batches_tracked")}
    content = safetensors.torch.save({k: v.contiguous() for k, v in _checked(tensors, source).items()})
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ZaohuaError(f"can't write {path}: {error.strerror}") from None
    return path


def _read(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ZaohuaError(f"can't read {path}: {error.strerror}") from None


def _checked(weights: Mapping[str, Tensor], path: str | Path) -> dict[str, Tensor]:
    """Return the weights; raise unless their names, shapes and types are the network's."""
    with torch.device("meta"):
        wanted = {k: v for k, v in InceptionNetwork().state_dict().items() if not k.endswith("num_batches_tracked")}
    wrong = [f"it has no {name}" for name in wanted if name not in weights]
    for name, tensor in weights.items():
        if name not in wanted:
            wrong.append(f"it has the unknown entry {name}")
        elif tensor.shape != wanted[name].shape:
            wrong.append(f"{name} is {tuple(tensor.shape)}, not {tuple(wanted[name].shape)}")
        elif tensor.dtype != torch.float32:
            wrong.append(f"{name} is {str(tensor.dtype).removeprefix('torch.')}, not float32")
    if wrong:
        more = f", and {len(wrong) - 1} more such" if len(wrong) > 1 else ""
        raise ZaohuaError(f"{path} doesn't hold the Inception network of FID: {wrong[0]}{more}")
    return dict(weights)


def _as_images(images: ArrayLike) -> NDArray[np.uint8]:
    """Validate images and return them as uint8 (n, H, W, 1 or 3)."""
    array = as_array(images, "images")
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[3] not in (1, 3) or array.size == 0:
        raise ZaohuaError(f"images must be (n, H, W), (n, H, W, 1) or (n, H, W, 3), not {np.shape(images)}")
    if array.dtype != np.uint8:
        raise ZaohuaError(f"FID is defined for 8-bit images: give uint8, not {array.dtype}")
    return array


def main(arguments: list[str] | None = None) -> int:
    """Run `python -m zaohua.metrics.inception SOURCE OUT`."""
    parser = argparse.ArgumentParser(
        "python -m zaohua.metrics.inception", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", help="the published .pth file")
    parser.add_argument("out", help="the .safetensors file to write")
    options = parser.parse_args(arguments)
    try:
        print(f"{convert(options.source, options.out)}: weights {Inception.load(options.out).hash}")
    except ZaohuaError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
