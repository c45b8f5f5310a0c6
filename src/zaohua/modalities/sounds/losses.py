"""Notes on what sounds lose when they are read: channels, rates, ends, and samples beyond full scale."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from zaohua.core.advice import option
from zaohua.core.notes import note, shown
from zaohua.modalities.base import counted
from zaohua.modalities.sounds.clips import SoundHeader

CANCELLED = 0.01
"""Level of a mix relative to its channels below which these cancel out (-40 dB)."""
QUIET = 1 / 8
"""Fraction of full scale below which sounds that are all quieter are told: they have another scale, most likely."""
SAMPLES = 1.5
"""Samples that don't count as cut off: lengths are rounded."""


class Heard(NamedTuple):
    """What the samples of a sound show.

    Attributes:
        peak: largest absolute sample of all channels.
        mixed: the same after mixing.
    """

    peak: float
    mixed: float


def tell_headers(headers: Sequence[SoundHeader], rate: int, channels: int) -> None:
    """Note sounds that are mixed or resampled.

    Args:
        headers: of the files.
        rate: sampling rate that they are converted to.
        channels: number of channels that they are mixed to.
    """
    mixed = sum(header.channels > 1 for header in headers) if channels == 1 else 0
    if mixed:
        keep = option("channels", "keep", prefix="sound_")
        note(f"{mixed:,} of {counted(len(headers), 'sound')} mixed to mono ({keep} keeps the channels)")
    rates = Counter(header.rate for header in headers if header.rate != rate)
    if rates:
        listed = shown([f"{count:,} from {other:,} Hz" for other, count in rates.most_common()])
        note(f"{sum(rates.values()):,} of {counted(len(headers), 'sound')} resampled to {rate:,} Hz ({listed})")


def tell_lengths(lengths: Sequence[float], kept: Sequence[float], rate: int, windows: bool) -> None:
    """Note sounds whose end isn't read.

    Args:
        lengths: of the sounds, in seconds.
        kept: how much of each is read.
        rate: sampling rate that they are converted to.
        windows: whether long sounds are split into windows.
    """
    lost = [length - part for length, part in zip(lengths, kept, strict=True) if length - part > SAMPLES / rate]
    if lost:
        how = "less than half a window" if windows else option("long", "windows") + " reads all"
        share = f"{sum(lost):,.3g} of {sum(lengths):,.4g} s"
        note(f"the ends of {len(lost):,} of {counted(len(lengths), 'sound')} left out ({share}; {how})")


def tell_samples(heard: Sequence[Heard]) -> None:
    """Note sounds that are silent, that are so after mixing, and that are clipped."""
    silent = sum(not sound.peak for sound in heard)
    if silent:
        note(f"nothing but silence in {silent:,} of {counted(len(heard), 'sound')}")
    cancelled = sum(sound.peak > 0 and sound.mixed < CANCELLED * sound.peak for sound in heard)
    if cancelled:
        keep = option("channels", "keep", prefix="sound_")
        note(
            f"{cancelled:,} of {counted(len(heard), 'sound')} silent once mixed, as their channels cancel out ({keep} "
            "keeps them)"
        )
    loudest = max((sound.peak for sound in heard), default=0.0)
    if 0 < loudest < QUIET:
        note(f"all sounds are quiet: the loudest sample is {loudest:.2g} of full scale; divide all of them by that")
    beyond = [sound.peak for sound in heard if sound.peak > 1]
    if beyond:
        note(
            f"{len(beyond):,} of {counted(len(heard), 'sound')} go beyond full scale, up to {max(beyond):.4g}, and are "
            "clipped to [-1, 1]: divide all of them by that to avoid it"
        )
