"""Waves of true log-mel spectrograms: a vocoder against Griffin and Lim's method with 60 rounds, in one run.

    python benchmarks/vocoder.py --minutes 15 --threads 1 --out vocoder
    python benchmarks/vocoder.py --run vocoder                                # a trained one

The vocoder learns from fsdd's 2,700 training clips (8 kHz); the 300 test clips are of the same six speakers. Both ways
see the same spectrograms of whole clips with the silence behind them; what is measured is the clip without it:

    distance  spectral convergence plus mean difference of log magnitudes, mean over windows of 50, 25 and 10 ms
              (Yamamoto et al. 2020), 80 dB below full scale counting as silence; less is better
    mel       mean difference of the log-mel spectrograms, nats; less is better
    stoi      short-time objective intelligibility (package pystoi, at 10 kHz as it resamples), more is better; clips
              too short for it are left out and counted

Times are CPU seconds for each second of sound, of clips one by one and 16 at a time.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import torch
from torch import Tensor

from zaohua.modalities import MelCodec

SILENCE = 1e-4
"""Magnitude, of a full-scale sine's, that counts as silence."""


def magnitudes(wave: Tensor, size: int) -> Tensor:
    """Of a Fourier transform with Hann windows of so many samples, four to a window."""
    window = torch.hann_window(size)
    spectrum = torch.stft(wave, size, size // 4, window=window, pad_mode="constant", return_complex=True)
    return (spectrum.abs() / (window.sum() / 2)).clamp(min=SILENCE)


def distance(real: Tensor, made: Tensor, rate: int) -> float:
    """Of waves (n,), mean over the resolutions."""
    each = []
    for seconds in (0.05, 0.025, 0.01):
        a, b = (magnitudes(wave, round(rate * seconds / 8) * 8) for wave in (real, made))
        each.append(float((a - b).norm() / a.norm() + (a.log() - b.log()).abs().mean()))
    return sum(each) / len(each)


def intelligibility(real: Tensor, made: Tensor, rate: int) -> float:
    """STOI; NaN of a clip that is too short."""
    from pystoi import stoi

    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # "Not enough STFT frames"
        try:
            return float(stoi(real.numpy(), made.numpy(), rate))
        except RuntimeWarning:
            return float("nan")


def ways(model: Any, rounds: int) -> dict[str, Callable[[Tensor], Tensor]]:
    """How spectrograms (b, 1, bands, frames) become waves (b, 1, n)."""
    codec: MelCodec = model.codec_
    mel = codec.mel_
    return {
        "vocoder": lambda x: model.vocode(model.nets_["vocoder"], x),
        "griffin-lim": lambda x: mel.griffin_lim(mel.magnitudes(codec.log_mel(x)), rounds),
    }


def clips(codec: MelCodec, n: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Waves of test clips without the silence behind them, and spectrograms (1, 1, bands, frames)."""
    sounds, _ = zh.datasets.load("fsdd", "test")
    for sound in [sounds[i] for i in np.linspace(0, len(sounds) - 1, n).round().astype(int)]:
        waves = codec.waves(codec.encode([sound]))
        yield waves[0, 0, : len(sound)], codec.spectrograms(waves)


@torch.no_grad()
def quality(model: Any, make: dict[str, Any], n: int) -> dict[str, dict[str, Any]]:
    """Means over the clips of each measure and way, and of the vocoder's advantage with its 95 % interval."""
    codec, rate, found = model.codec_, model.codec_.mel_.rate, []
    for real, x in clips(codec, n):
        frames = len(real) // codec.mel_.hop
        row = []
        for way in make.values():
            wave = way(x).clamp(-1, 1)
            again = codec.spectrograms(wave)
            away = (codec.log_mel(again) - codec.log_mel(x)).abs()[..., :frames].mean()
            made = wave[0, 0, : len(real)]
            row.append([distance(real, made, rate), float(away), intelligibility(real, made, rate)])
        found.append(row)
    array = np.array(found)  # (clips, ways, measures)
    out: dict[str, dict[str, Any]] = {}
    for k, measure in enumerate(("distance", "mel", "stoi")):
        values = array[~np.isnan(array[:, :, k]).any(1), :, k]
        ahead = values[:, 0] - values[:, 1]
        out[measure] = {
            **dict(zip(make, values.mean(0).round(4).tolist(), strict=True)),
            "clips": len(values),
            "difference": round(float(ahead.mean()), 4),
            "95%": round(1.96 * float(ahead.std(ddof=1)) / len(ahead) ** 0.5, 4),
        }
    return out


@torch.no_grad()
def speed(model: Any, make: dict[str, Any], rounds: int = 5) -> dict[str, Any]:
    """CPU milliseconds for each second of sound, the least of some rounds, and how many times real time that is."""
    codec, out = model.codec_, {}
    x = torch.cat([x for _, x in clips(codec, 16)])
    for size in (1, 16):
        seconds = size * codec.form_.length / codec.form_.rate
        for name, way in make.items():
            took = []
            for _ in range(rounds):
                began = time.process_time()
                way(x[:size])
                took.append((time.process_time() - began) / seconds)
            out[f"{name}, {size} at a time"] = {
                "ms": round(1000 * min(took), 2),
                "times_real_time": round(1 / min(took)),
            }
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", help="the folder of a trained one, instead of training")
    parser.add_argument("--minutes", type=float, help="train for so long; as long as is the default if not given")
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE", help="other settings of the vocoder")
    parser.add_argument("--out", help="keep the run in this folder")
    parser.add_argument("--rounds", type=int, default=60, help="of Griffin and Lim's method")
    parser.add_argument("-n", type=int, default=300, help="test clips")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.run is not None and Path(args.run).exists():
        model: Any = zh.load(args.run)
    else:
        settings = {name: ast.literal_eval(value) for name, value in (item.split("=", 1) for item in args.set)}
        model = zh.Vocoder(**{"max_minutes": args.minutes, "random_state": args.seed, "device": "cpu", **settings})
        began = time.process_time()
        model.fit("fsdd", out=args.out, overwrite=True)
        print(json.dumps({"cpu_seconds": round(time.process_time() - began)}))
    make = ways(model, args.rounds)
    weights = sum(p.numel() for p in model.nets_.parameters())
    print(
        json.dumps(
            {
                "steps": model.n_steps_,
                "seconds": model.seconds_,
                "weights": weights,
                "threads": args.threads,
                "load": round(os.getloadavg()[0], 1),
                **quality(model, make, args.n),
                **speed(model, make),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
