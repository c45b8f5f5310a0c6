"""Make new items by an exported GAN or VAE: `python sampler.py --help`. One pass of a network turns noise into items.

    import numpy as np
    from sampler import Latent
    model = Latent()
    pictures = model.items(model.sample(model.noise(16, seed=0), model.labels(16, [], seed=0)))

Noise is (n, numbers of a latent), standard normal; sampler.json says what else there is to know of the model.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zaohua.interop.networks.standalone.exported import Exported, load, main


class Latent(Exported):
    """A generator of a GAN, or the decoder of a VAE and its encoder."""

    def __init__(self, folder: Path = Path(__file__).parent) -> None:
        super().__init__(folder)

    def sample(self, noise: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
        """Turn noise (n, latent) and indices of labels (n,) into tensors (n, channels, ...)."""
        return self.decode(noise * np.float32(self.settings["temperature"]), y)

    def decode(self, z: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
        """Turn latents (n, latent) into tensors (n, channels, ...)."""
        return self.network(*([z] if y is None else [z, y]))[0]

    def encode(self, x: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
        """Turn tensors (n, channels, ...) in [-1, 1] into latents (n, latent), with the encoder that VAEs have."""
        return load(self.folder, "encoder")(*([x] if y is None else [x, y]))[0]

    def check(self) -> float:
        """Return the largest difference of tensors, and of the latents of these, from the model's own."""
        with np.load(self.folder / "check.npz") as known:
            if "latents" not in known:
                return super().check()
            found = self.encode(known["made"], known["y"] if "y" in known else None)
            return max(super().check(), float(np.abs(found - known["latents"]).max()))


if __name__ == "__main__":
    main(Latent())
