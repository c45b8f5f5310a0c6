"""The vocoder, trained alone."""

from __future__ import annotations

from typing import ClassVar

from zaohua.core.json import Json
from zaohua.families.vocoder import VocoderFamily


class Vocoder(VocoderFamily):
    """Vocoder: a network predicts complex spectra from log-mel spectrograms, and the inverse transform makes waveforms.

    Unlike in the paper there is no discriminator; the loss compares log-mel spectrograms and spectra at several
    resolutions. `transform` returns spectrograms (n, bands frames), `inverse_transform` makes sounds of them.

    Paper: Siuzdak, "Vocos: Closing the gap between time-domain and Fourier-based neural vocoders for high-quality audio
    synthesis", 2023 (arXiv:2306.00814).
    """

    tiny: ClassVar[Json] = {"width": 16, "layers": 1, "crop": 8, "max_steps": 20, "batch_size": 8}
