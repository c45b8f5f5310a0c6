"""Long sounds in windows of a model's length, which overlap by half and are faded over.

Best guesses for the overlap of two windows are much alike, so they are averaged by weights that add up to 1. Draws for
the same gap are independent, so the squares of their weights add up to 1: otherwise the level would drop by up to 3 dB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from zaohua.tasks.restore.tiles import Tiles


class Windows:
    """The windows of several recordings, and the restored recordings that they add up to.

    Args:
        waves: the recordings, (channels, n) each.
        length: number of samples of a window. Shorter recordings are padded with silence.
        wanted: which samples are to be restored, bool (n,) each: other windows are left out. None for all.
        alike: whether windows agree where they overlap; False for draws.
    """

    def __init__(
        self,
        waves: Sequence[np.ndarray],
        length: int,
        wanted: Sequence[np.ndarray] | None = None,
        alike: bool = True,
    ) -> None:
        self.waves, self.length = waves, length
        self.places: list[tuple[int, int]] = []
        self.weights: list[np.ndarray] = []
        for number, wave in enumerate(waves):
            n = wave.shape[1]
            for (place,), weights in Tiles((max(n, length),), (length,)):
                if wanted is None or wanted[number][place].any():
                    self.places.append((number, place.start))
                    self.weights.append(weights.numpy() if alike else np.sqrt(weights.numpy()))

    def __len__(self) -> int:
        return len(self.places)

    def batches(self, size: int) -> Iterator[slice]:
        """Yield slices of at most `size` windows."""
        return (slice(start, min(start + size, len(self))) for start in range(0, len(self), size))

    def cut(self, rows: slice, waves: Sequence[np.ndarray] | None = None) -> np.ndarray:
        """Return some windows, float32 (k, channels, length).

        Args:
            rows: which windows.
            waves: what to cut instead of the recordings, of the same lengths; (channels, n) each.
        """
        out = []
        for number, start in self.places[rows]:
            part = (self.waves if waves is None else waves)[number][:, start : start + self.length]
            out.append(np.pad(part, ((0, 0), (0, self.length - part.shape[1]))))
        return np.stack(out).astype(np.float32)

    def joined(self, made: np.ndarray) -> list[np.ndarray]:
        """Return the recordings that restored windows (k, channels, length) add up to; zero where there is none."""
        out = [np.zeros((made.shape[1], max(wave.shape[1], self.length)), np.float64) for wave in self.waves]
        for (number, start), weights, window in zip(self.places, self.weights, made, strict=True):
            out[number][:, start : start + self.length] += weights * window
        return [wave[:, : given.shape[1]] for wave, given in zip(out, self.waves, strict=True)]
