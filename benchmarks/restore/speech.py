"""Restore spoken digits: noise, gaps, clipping, a lost band and clicks, by models and by the usual methods.

    pip install -r benchmarks/requirements-speech.txt
    python benchmarks/restore/speech.py train noise --minutes 8 --out runs/speech-noise
    python benchmarks/restore/speech.py measure noise gaps clip band clicks --run 'runs/speech-{}' --baselines

Spoken digits (fsdd, 8 kHz). Learnt from four speakers; tested on clips 0 to 4 of each digit, the test split, of the two
others, theo and nicolas. There is one `zaohua.Restorer` of complex spectrograms for each task, or with `--model flow`
one `zaohua.Flow`, which also draws; both are trained on pairs. Clicks need none: they are found, and interpolated.

    si-sdr     scale-invariant signal-to-distortion ratio of whole clips, dB
    in gap     of gaps: power of the clean samples in the gap over that of the error, dB
    lsd        log-spectral distance with windows of 32 ms, in powers of ten
    stoi       of clips in sequence, five at a time, as single ones are too short for it
    words      share of the digits that a recogniser gets right. It learns from real clean clips, those of the speakers
               to be tested among them (clips 15 and more)

`--baselines` measures the usual methods: nothing; Wiener's filter, which is told the noise's spectrum; noisereduce,
stationary and not; gaps by a straight line and by Janssen's interpolation of order 32, which also replaces clipped
samples (as it is, and brought beyond the level) and, told where they are, clicks; a median of 5 samples; a sinc.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from speech_tasks import HELD_OUT, RATE, TASKS, TESTED, Case, Clip, cases, clips, pairs, up  # isort: skip (the path)
import zaohua as zh  # isort: skip
import numpy as np
import torch
from common import mean, show
from scipy.signal import medfilt

from sounds import Mixture, Recogniser, wiener
from zaohua.metrics.restored_waves import log_spectral_distance, si_sdr
from zaohua.modalities.sounds.clicks import clicks
from zaohua.tasks.restore.sounds.clipping import beyond, clipped
from zaohua.tasks.restore.sounds.interpolation import interpolated

Method = Callable[[Case], np.ndarray]
EACH = {"noise": 6, "gaps": 4, "clip": 3, "band": 1}
"""How many pairs are made of each clip to learn from."""
FLOW = {"time_distribution": "uniform", "condition_dropout": 0.0}
"""Fields of a flow: its mean is a guess at the highest noise, which it must have seen often enough."""
OURS = "zaohua"
GUESSES = 4
"""Guesses, or draws, whose mean is measured."""
WORDS = {"noise": "noise 0.1", "gaps": None, "clip": "clip", "band": "resample 4000", "clicks": None}
"""What `zaohua.restore` is told of a task."""


def janssen(case: Case) -> np.ndarray:
    """Gaps, clipped samples or clicks, by interpolation of order 32."""
    if case.hidden is not None:
        return interpolated(case.heard, case.hidden, 32)
    bad = clipped(case.heard, case.level) if case.level is not None else case.heard != case.clean
    return interpolated(case.heard, bad, 32)


def farther(case: Case) -> np.ndarray:
    """Clipped samples by the same interpolation, but at least as far out as they were heard."""
    assert case.level is not None
    return beyond(janssen(case), case.heard, case.level)


def line(case: Case) -> np.ndarray:
    """Gaps by straight lines."""
    assert case.hidden is not None
    at = np.arange(len(case.heard))
    return np.interp(at, at[~case.hidden], case.heard[~case.hidden])


def gated(case: Case, stationary: bool) -> np.ndarray:
    """Spectral gating by the package noisereduce."""
    from noisereduce import reduce_noise

    out: np.ndarray = reduce_noise(y=case.heard, sr=RATE, stationary=stationary, n_fft=256)
    return out


def filtered(case: Case) -> np.ndarray:
    """Wiener's filter, which is told the noise's spectrum."""
    assert case.noise is not None
    return wiener(Mixture(case.clip, "", 0.0, case.clean, case.heard, case.noise))


def nothing(case: Case) -> np.ndarray:
    """What is heard, at 8 kHz."""
    return case.heard if len(case.heard) == len(case.clean) else up(case.heard, len(case.clean))


METHODS: dict[str, dict[str, Method]] = {
    "noise": {
        "nothing": nothing,
        "wiener": filtered,
        "noisereduce": lambda case: gated(case, False),
        "noisereduce, stationary": lambda case: gated(case, True),
    },
    "gaps": {"nothing": nothing, "line": line, "janssen": janssen},
    "clip": {"nothing": nothing, "janssen": janssen, "janssen, beyond": farther},
    "band": {"sinc": nothing},
    "clicks": {"nothing": nothing, "median": lambda case: medfilt(case.heard, 5), "janssen, told": janssen},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=["train", "measure"])
    parser.add_argument("tasks", nargs="+", choices=TASKS, help="one to train, any to measure")
    parser.add_argument("--model", choices=["restorer", "flow"], default="restorer", help="what to train")
    parser.add_argument("--minutes", type=float, default=8, help="of CPU time, to train")
    parser.add_argument("--out", type=Path, help="folder of the trained model")
    parser.add_argument("--run", help="trained models, with {} for the task")
    parser.add_argument("--baselines", action="store_true", help="measure the usual methods, too")
    parser.add_argument("--cache", type=Path, help="folder to keep the recogniser in")
    parser.add_argument("--each", type=int, default=5, help="test clips of each digit and speaker, at most 15")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    every = clips()
    if args.do == "train":
        train(args, args.tasks[0], [clip for clip in every if clip.speaker not in HELD_OUT])
        return
    test = [clip for clip in every if clip.speaker in HELD_OUT and clip.number < args.each]
    judge = Recogniser([c for c in every if c.speaker not in HELD_OUT or c.number >= TESTED], test, args.cache)
    show("recogniser", {"clean clips": {"words": mean(judge.accuracy), "n": len(test)}})
    for task in args.tasks:
        measure(args, task, test, judge)


def train(args: argparse.Namespace, task: str, train: list[Clip]) -> None:
    """Train a model for a task."""
    time.perf_counter = time.process_time  # the clock of `max_minutes`
    clean, heard = pairs(task, train, EACH[task], np.random.default_rng(args.seed))
    codec = zh.SpectrumCodec(n_fft=240, hop=120)  # 30 ms
    shared = {"codec": codec, "y_codec": codec, "batch_size": 8, "random_state": args.seed}
    model = zh.Restorer(**shared) if args.model == "restorer" else zh.Flow(**shared, **FLOW)
    model.set_params(max_minutes=args.minutes)
    model.fit(clean, heard, out=args.out)
    show(task, {"training": {"pairs": len(clean), "steps": model.n_steps_, "CPU minutes": model.seconds_ / 60}})


def measure(args: argparse.Namespace, task: str, test: list[Clip], judge: Recogniser) -> None:
    """Measure a model, and the usual methods if asked for."""
    given = list(cases(task, test, np.random.default_rng(args.seed + 1)))
    made: dict[str, list[np.ndarray]] = {}
    if args.baselines:
        made = {name: [method(case) for case in given] for name, method in METHODS[task].items()}
    if args.run:
        began = time.process_time()
        made |= restored(args, task, given)
        seconds = sum(len(case.clean) for case in given) / RATE
        show(task, {"cost": {"CPU seconds a second": (time.process_time() - began) / seconds}})
    for group in dict.fromkeys(case.group for case in given):
        rows = [i for i, case in enumerate(given) if case.group == group]
        for name, waves in made.items():
            show(f"{task}, {group}", {name: figures([given[i] for i in rows], [waves[i] for i in rows], judge)})
    if args.run:
        differences(task, given, made, judge)


def restored(args: argparse.Namespace, task: str, given: list[Case]) -> dict[str, list[np.ndarray]]:
    """What a model makes of the cases: best guesses; if it can draw and there are gaps, also draws."""
    model = zh.load(args.run.format("gaps" if task == "clicks" else task))
    heard = [zh.Sound(case.heard, RATE // 2 if task == "band" else RATE) for case in given]
    masks = [~case.hidden for case in given if case.hidden is not None] or None
    if task == "clicks":  # as `zaohua declick` does
        masks = [~clicks(sound) for sound in heard]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", zh.ZaohuaWarning)
        made = {OURS: zh.restore(model, heard, WORDS[task], mask=masks, n_samples=GUESSES).best}
        if task == "gaps" and hasattr(model, "denoiser"):
            drawn = zh.restore(model, heard, mask=masks, n_samples=GUESSES, draws=True)
            made |= {f"{OURS}, a draw": drawn.samples[0], f"{OURS}, mean of draws": drawn.best}
    return {name: [as_long(*pair) for pair in zip(some, given, strict=True)] for name, some in made.items()}


def as_long(sound: zh.Sound, case: Case) -> np.ndarray:
    """A restored sound, as long as the clean one."""
    wave = sound.samples[: len(case.clean)]
    return np.pad(wave, (0, len(case.clean) - len(wave)))


def figures(given: list[Case], made: list[np.ndarray], judge: Recogniser) -> dict[str, str]:
    """Figures of a method for cases of one group."""
    both = list(zip(made, given, strict=True))
    out = {
        "si-sdr": mean([si_sdr(wave, case.clean) for wave, case in both]),
        "lsd": mean([log_spectral_distance(wave, case.clean, 256) for wave, case in both]),
        "stoi": mean(stoi(given, made)),
        "words": mean(judge.right(made, [case.clip.digit for case in given])),
    }
    if given[0].hidden is not None:
        out["in gap"] = mean([in_gap(wave, case) for wave, case in both])
    return out


def in_gap(wave: np.ndarray, case: Case) -> float:
    """Signal-to-noise ratio of the samples in a gap, dB."""
    clean, error = case.clean[case.hidden], (wave - case.clean)[case.hidden]
    return float(10 * np.log10(np.square(clean).sum() / np.square(error).sum()))


def stoi(given: list[Case], made: list[np.ndarray], together: int = 5) -> list[float]:
    """Short-time objective intelligibility of some clips in sequence."""
    from pystoi import stoi as intelligibility

    starts = range(0, len(given) - together + 1, together)
    chains = [
        (np.concatenate([c.clean for c in given[i : i + together]]), np.concatenate(made[i : i + together]))
        for i in starts
    ]
    return [float(intelligibility(clean, wave, RATE)) for clean, wave in chains]


def differences(task: str, given: list[Case], made: dict[str, list[np.ndarray]], judge: Recogniser) -> None:
    """Show how much better what the model made is than other methods on the same clips."""
    digits = [case.clip.digit for case in given]
    found = {
        name: {
            "si-sdr": np.array([si_sdr(wave, case.clean) for wave, case in zip(waves, given, strict=True)]),
            "words": judge.right(waves, digits),
        }
        for name, waves in made.items()
    }
    pairs = [(ours, name) for ours in made for name in made if ours.startswith(OURS) and not name.startswith(OURS)]
    for group in dict.fromkeys(case.group for case in given):
        rows = [i for i, case in enumerate(given) if case.group == group]
        for ours, name in pairs:
            gain = {what: mean((values - found[name][what])[rows]) for what, values in found[ours].items()}
            show(f"{task}, {group}", {f"{ours} - {name}": gain})


if __name__ == "__main__":
    main()
