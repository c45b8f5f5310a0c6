"""Clean speech from noisy speech: both sides are sounds, and the model is `fit(clean, noisy)` as it comes.

    python benchmarks/translate/sounds.py --minutes 6 --out runs/clean-speech
    python benchmarks/translate/sounds.py --run runs/clean-speech

Spoken digits (fsdd, 8 kHz). Learnt from four speakers; tested on clips 0 to 14 of each digit of the two others, theo
and nicolas, with white noise and with babble, the sum of six other clips from the same side of the split, at 0, 5 and
10 dB. Training mixes each clip with noise four times, at -2.5 to 12.5 dB. Noisy recordings are scaled to a peak of
0.99, and clean ones by the same factor.

The model sees complex spectrograms and is trained and drawn at one noise level so high that nothing of the clean sound
is left in x: one step then gives the posterior mean of the clean spectrogram, given the noisy one.

    si-sdr     scale-invariant signal-to-distortion ratio, dB, of whole clips
    words      share of the digits that a recogniser gets right. It learns from real clean clips, those of the speakers
               to be tested among them (clips 15 and more)

Baseline: Wiener's filter with the decision-directed estimate of Ephraim and Malah, which is told the noise's spectrum
(the mean power in each frequency of the very noise that was added). Its smoothing was chosen on clips of the training
speakers.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any, NamedTuple

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import torch
from common import DATA, mean, show, trained

from zaohua.metrics.extractor import Classifier
from zaohua.modalities.sounds.datasets import DIGIT_SOUNDS
from zaohua.modalities.sounds.sound import read_archive

RATE, LENGTH = 8000, 6144
HELD_OUT, TESTED = ("nicolas", "theo"), 15
WINDOW, HOP = 256, 64


class Clip(NamedTuple):
    """A spoken digit."""

    digit: int
    speaker: str
    number: int
    wave: np.ndarray


class Mixture(NamedTuple):
    """A clip with noise of a kind, at a signal-to-noise ratio in decibels."""

    clip: Clip
    kind: str
    ratio: float
    clean: np.ndarray
    noisy: np.ndarray
    noise: np.ndarray


def clips() -> list[Clip]:
    """All clips of at most 0.768 s (97.6 %)."""
    out = []
    for name, sound in sorted(read_archive(DATA / "fsdd" / "recordings.tar.gz", DIGIT_SOUNDS).items()):
        digit, speaker, number = name.removesuffix(".wav").split("_")
        if len(sound.samples) <= LENGTH:
            out.append(Clip(int(digit), speaker, int(number), sound.samples))
    return out


def mixed(clip: Clip, kind: str, ratio: float, others: list[Clip], rng: np.random.Generator) -> Mixture:
    """A clip with white noise, or with babble made of six others."""
    x = clip.wave
    if kind == "white":
        noise = rng.standard_normal(len(x))
    else:
        noise = np.zeros(len(x))
        for i in rng.choice(len(others), 6, replace=False):
            other = others[i].wave / np.sqrt(np.square(others[i].wave).mean())
            noise += np.resize(np.roll(other, int(rng.integers(len(other)))), len(x))
    noise *= np.sqrt(np.square(x).mean() / np.square(noise).mean()) * 10 ** (-ratio / 20)
    gain = 0.99 / max(np.abs(x + noise).max(), np.abs(x).max())
    clean, noisy, noise = (np.float32(gain) * part.astype(np.float32) for part in (x, x + noise, noise))
    return Mixture(clip, kind, ratio, clean, noisy, noise)


def sounds(waves: list[np.ndarray]) -> list[zh.Sound]:
    """Waves with silence behind them, as items of one length."""
    return [zh.Sound(np.pad(wave, (0, LENGTH - len(wave))), RATE) for wave in waves]


def si_sdr(truth: np.ndarray, made: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio, dB."""
    truth, made = truth - truth.mean(), made - made.mean()
    target = (truth @ made) / (truth @ truth) * truth
    return float(10 * np.log10((target @ target) / np.square(target - made).sum()))


def wiener(mixture: Mixture, smoothing: float = 0.9, least: float = 0.03) -> np.ndarray:
    """Filter a mixture, whose noise's spectrum is known."""
    window = torch.hann_window(WINDOW)

    def spectrum(wave: np.ndarray) -> torch.Tensor:
        return torch.stft(torch.from_numpy(wave), WINDOW, HOP, window=window, pad_mode="constant", return_complex=True)

    noisy, power = spectrum(mixture.noisy), spectrum(mixture.noise).abs().square().mean(1).clamp(min=1e-12)
    posterior = noisy.abs().square() / power[:, None]
    gains, before = [], (posterior[:, 0] - 1).clamp(min=0)
    for frame in posterior.unbind(1):
        prior = smoothing * before + (1 - smoothing) * (frame - 1).clamp(min=0)
        gains.append((prior / (1 + prior)).clamp(min=least))
        before = gains[-1].square() * frame
    return torch.istft(noisy * torch.stack(gains, 1), WINDOW, HOP, window=window, length=len(mixture.noisy)).numpy()


class Recogniser:
    """A classifier of the mel spectrograms of clean clips, all brought to the same peak; a folder keeps it."""

    def __init__(self, real: list[Clip], test: list[Clip], folder: Path | None = None) -> None:
        self.codec = zh.MelCodec(rate=RATE, seconds=LENGTH / RATE, long="cut")
        self.codec.fit(self._sounds([clip.wave for clip in real]))
        pictures, digits = self._pictures([clip.wave for clip in real]), [clip.digit for clip in real]
        if folder is None:
            self.net = Classifier.train(pictures, digits, min_items=60_000)
        else:
            self.net = Classifier.cached(pictures, digits, folder, min_items=60_000)
        self.accuracy = self.right([clip.wave for clip in test], [clip.digit for clip in test])

    def right(self, waves: list[np.ndarray], digits: list[int]) -> np.ndarray:
        """Which waves are recognised, floats (n,)."""
        heard = self.net.predict(self._pictures(waves))
        return np.array([a == b for a, b in zip(heard, digits, strict=True)], float)

    def _sounds(self, waves: list[np.ndarray]) -> list[zh.Sound]:
        return sounds([0.9 * wave / np.abs(wave).max().clip(1e-6) for wave in waves])

    def _pictures(self, waves: list[np.ndarray]) -> np.ndarray:
        x = self.codec.spectrograms(self.codec.waves(self.codec.encode(self._sounds(waves))[np.arange(len(waves))]))
        return np.rint((x[:, 0].numpy() + 1) * 127.5).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=6, help="of CPU time, to train")
    parser.add_argument("--power", type=float, default=1.0, help="that magnitudes are raised to")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", help="a trained model instead")
    parser.add_argument("--out", type=Path, help="folder of the trained model, and of some sounds")
    args = parser.parse_args()
    torch.set_num_threads(1)
    every = clips()
    train = [clip for clip in every if clip.speaker not in HELD_OUT]
    test = [clip for clip in every if clip.speaker in HELD_OUT and clip.number < TESTED]
    if args.run:
        model = zh.load(args.run)
    else:
        rng = np.random.default_rng(args.seed)
        noisy = [
            mixed(clip, ("white", "babble")[int(rng.integers(2))], rng.uniform(-2.5, 12.5), train, rng)
            for clip in train
            for _ in range(4)
        ]
        model = zh.EDM(
            codec=zh.SpectrumCodec(power=args.power),
            sigma_max=20.0,
            noise_mean=float(np.log(20)),
            noise_std=1e-3,
            sampler="euler",
            steps=1,
            guidance=1.0,
            condition_dropout=0.0,
            batch_size=8,
            random_state=args.seed,
        )
        pairs = sounds([m.clean for m in noisy]), sounds([m.noisy for m in noisy])
        model, cost = trained(model, *pairs, args.minutes)
        show("sounds", {"training": {"pairs": len(noisy), **cost}})
        if args.out:
            model.save(args.out / "run")

    rng = np.random.default_rng(args.seed + 1)
    mixtures = [
        mixed(clip, kind, ratio, test, rng) for kind in ("white", "babble") for ratio in (0, 5, 10) for clip in test
    ]
    made: dict[str, list[np.ndarray]] = {"noisy": [m.noisy for m in mixtures], "wiener": [wiener(m) for m in mixtures]}
    began = time.process_time()
    cleaned = model.sample(y=sounds([m.noisy for m in mixtures]), random_state=args.seed)
    times = (time.process_time() - began) / sum(len(m.noisy) for m in mixtures) * RATE
    made["model"] = [sound.samples[: len(m.noisy)] for sound, m in zip(cleaned, mixtures, strict=True)]
    ratios = {
        name: np.array([si_sdr(m.clean, w) for m, w in zip(mixtures, waves, strict=True)])
        for name, waves in made.items()
    }
    kinds = {(kind, ratio): [m.kind == kind and m.ratio == ratio for m in mixtures] for kind, ratio in groups(mixtures)}
    for (kind, ratio), rows in kinds.items():
        figures = {name: mean(values[rows]) for name, values in ratios.items()}
        gain = mean((ratios["model"] - ratios["wiener"])[rows])
        show(f"{kind}, {ratio:g} dB", {"si-sdr": {**figures, "model - wiener": gain}})
    show("all", {"si-sdr": {"model - wiener": mean(ratios["model"] - ratios["wiener"]), "CPU seconds a second": times}})

    judge = Recogniser([c for c in every if c.speaker not in HELD_OUT or c.number >= TESTED], test)
    show("recogniser", {"clean clips": {"words": mean(judge.accuracy), "n": len(test)}})
    right = {name: judge.right(waves, [m.clip.digit for m in mixtures]) for name, waves in made.items()}
    for (kind, ratio), rows in kinds.items():
        figures = {name: mean(values[rows]) for name, values in right.items()}
        gain = mean((right["model"] - right["wiener"])[rows])
        show(f"{kind}, {ratio:g} dB", {"words": {**figures, "model - wiener": gain}})
    show("all", {"words": {**{k: mean(v) for k, v in right.items()}, "gain": mean(right["model"] - right["wiener"])}})
    if args.out:
        write(args.out, mixtures, made)


def groups(mixtures: list[Mixture]) -> list[tuple[str, float]]:
    """The kinds and ratios of mixtures, each once."""
    return list(dict.fromkeys((m.kind, m.ratio) for m in mixtures))


def write(folder: Path, mixtures: list[Mixture], made: dict[str, list[np.ndarray]]) -> None:
    """Write the first mixture of each kind and ratio, and what became of it."""
    for kind, ratio in groups(mixtures):
        i = next(i for i, m in enumerate(mixtures) if (m.kind, m.ratio) == (kind, ratio))
        rows: dict[str, Any] = {"clean": mixtures[i].clean, **{name: waves[i] for name, waves in made.items()}}
        for name, wave in rows.items():
            zh.write([zh.Sound(wave, RATE)], folder / f"{kind}-{ratio:g}-{name}.wav")


if __name__ == "__main__":
    main()
