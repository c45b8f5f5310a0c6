"""The Inception network that FID, KID and the Inception score are defined by; a distance by any other isn't FID.

Szegedy et al., Rethinking the Inception architecture for computer vision, arXiv:1512.00567, in the form of TensorFlow's
graph `inception-2015-12-05`, which Heusel et al. (arXiv:1706.08500) and Salimans et al. (arXiv:1606.03498) used. Apart
from its weights it differs from torchvision's network in what follows, and each of these moves the measures:

- pictures of any size are stretched to 299 x 299 as TensorFlow 1 did, with pixel i at i * size / 299 rather than
  centres on centres, and without smoothing when they shrink; then (x - 128) / 128
- average pools don't count the border's zeros, and the last block has a max pool in the place of one
- 1008 outputs, of which 1000 are classes; the Inception score leaves their bias out

The weights are Google's (Apache 2.0) and 91 MiB, so they don't come with this library. One public port of them,
95,628,359 bytes with the sha256 that `SHA256` holds, is published in two places:

    https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth
    https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth

That file is a pickle. Convert it once, without running what a pickle may hold, then load the result:

    python -m zaohua.metrics.inception pt_inception-2015-12-05-6726825d.pth inception-2015.safetensors
    >>> extractor = Inception.load("inception-2015.safetensors")

Parameters are named as in that file.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.hardware import channels_last
from zaohua.metrics.inception_network import SIDE, WIDTH, InceptionNetwork

SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""Of the published file."""
BATCH = 16
"""Pictures that go through the network together, in 130 MB; more aren't faster on a CPU."""


def _stretch(x: Tensor, dim: int) -> Tensor:
    """Bilinear interpolation along one axis to SIDE, as TensorFlow 1 places pixels."""
    size = x.shape[dim]
    place = torch.arange(SIDE, dtype=torch.float32) * (size / SIDE)
    low = place.long()
    part = (place - low).view([-1 if axis == dim else 1 for axis in range(x.ndim)])
    before, after = (x.index_select(dim, index).float() for index in (low, (low + 1).clamp_max(size - 1)))
    return before + (after - before) * part


def _input(images: NDArray[np.uint8]) -> Tensor:
    """What the network takes, float32 (n, 3, SIDE, SIDE), of pictures (n, H, W, 1 or 3)."""
    x = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2)
    x = (_stretch(_stretch(x, 3), 2) - 128) / 128
    return x.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


class Inception:
    """The network with its weights, for measures that go by it; see `load`.

    Attributes:
        name: how tables call measures that use it.
        hash: eight digits that tell these weights from others.
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
        """Load the weights.

        Args:
            path: a file that `convert` wrote.

        Raises:
            ZaohuaError: the file is missing, or is something else.
        """
        data = _read(path)
        try:
            weights = safetensors.torch.load(data)
        except (safetensors.SafetensorError, ValueError, KeyError, TypeError, RuntimeError):
            do = "convert the published one with `python -m zaohua.metrics.inception SOURCE OUT`"
            raise ZaohuaError(f"{path} is no safetensors file: {do}") from None
        return cls(_checked(weights, path))

    def features(self, images: Any) -> NDArray[np.float64]:
        """Activations of the last pool, which FID and KID compare, float64 (n, 2048).

        Args:
            images: uint8 (n, H, W), (n, H, W, 1) or (n, H, W, 3) of any size; grey counts as equal red, green and blue.
        """
        array = _pictures(images)
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            parts = [self.network(_input(array[i : i + BATCH])) for i in range(0, len(array), BATCH)]
        return torch.cat(parts).double().numpy()

    def probabilities(self, images: Any) -> NDArray[np.float64]:
        """What the Inception score takes for the classes' probabilities of each picture, float64 (n, 1008)."""
        return self.classify(self.features(images))

    def classify(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same of features that are there already, so that pictures go through the network only once."""
        x = torch.from_numpy(np.array(features, np.float64))
        if x.shape[1:] != (WIDTH,):
            raise ZaohuaError(f"features must be (n, {WIDTH}), not {tuple(x.shape)}")
        logits = x @ self.network.fc.weight.double().T
        return logits.softmax(1).numpy()


def convert(source: str | Path, out: str | Path, sha256: str | None = SHA256) -> Path:
    """Write the published weights as a safetensors file, which holds numbers only.

    Args:
        source: the published file, a state dict of torch.
        out: what to write.
        sha256: of the source; None takes weights whose numbers nobody vouches for, if names and shapes are right.

    Returns:
        The path of what was written.

    Raises:
        ZaohuaError: the source is missing or another file, or the result can't be written.
    """
    data, path = _read(source), Path(out)
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise ZaohuaError(f"{source} isn't the published file (its sha256 differs): --help says where to get it")
    try:
        weights = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:  # a broken pickle raises what it likes
        raise ZaohuaError(f"{source} is no state dict of torch") from None
    if not isinstance(weights, Mapping) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise ZaohuaError(f"{source} is no state dict of torch")
    kept = {str(k): v for k, v in weights.items() if not str(k).endswith("num_batches_tracked")}
    content = safetensors.torch.save({k: v.contiguous() for k, v in _checked(kept, source).items()})
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
    """The weights, once names, shapes and types are the network's."""
    with torch.device("meta"):
        wanted = {k: v for k, v in InceptionNetwork().state_dict().items() if not k.endswith("num_batches_tracked")}
    wrong = [f"it has no {name}" for name in wanted if name not in weights]
    for name, tensor in weights.items():
        if name not in wanted:
            wrong.append(f"{name} is none of its names")
        elif tensor.shape != wanted[name].shape:
            wrong.append(f"{name} is {tuple(tensor.shape)}, not {tuple(wanted[name].shape)}")
        elif tensor.dtype != torch.float32:
            wrong.append(f"{name} is {str(tensor.dtype).removeprefix('torch.')}, not float32")
    if wrong:
        more = f", and {len(wrong) - 1} more such" if len(wrong) > 1 else ""
        raise ZaohuaError(f"{path} doesn't hold the Inception network of FID: {wrong[0]}{more}")
    return dict(weights)


def _pictures(images: Any) -> NDArray[np.uint8]:
    """Pictures as (n, H, W, 1 or 3)."""
    array = np.asarray(images)
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[3] not in (1, 3) or array.size == 0:
        raise ZaohuaError(f"pictures must be (n, H, W), (n, H, W, 1) or (n, H, W, 3), not {np.shape(images)}")
    if array.dtype != np.uint8:
        raise ZaohuaError(f"FID is defined for pictures of 8 bits: give uint8, not {array.dtype}")
    return array


def main(arguments: list[str] | None = None) -> int:
    """`python -m zaohua.metrics.inception SOURCE OUT`."""
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
