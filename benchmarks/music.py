"""How well models of music predict Bach's chorales, and what they make.

    python benchmarks/music.py frequencies          # checks the convention: 11.06 nats a frame
    python benchmarks/music.py keys                 # quarter-note rolls, autoregressive keys
    python benchmarks/music.py keys --set head=independent cell=conv layers=2 width=150 transpose=0 dropout=0.3 \\
        input_dropout=0.2 batch_size=4 learning_rate=2e-3 max_steps=4000     # independent keys
    python benchmarks/music.py voices               # four voices at 16ths, and chorales drawn from the model
    python benchmarks/music.py notes --minutes 20   # MusicGPT on the same

Trained on the 229 pieces of `train` with the models' own settings, or those of `--set field=value ...`, scored on
the 76 of `valid`, or the 77 of `test` with `--test`. A figure is the mean negative log-likelihood of a frame (keys) or
a note (voices) over all frames of all pieces, in nats, the first frame counted, ends of pieces not.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import torch


def frequencies(split: str) -> float:
    """Nats a frame of keys that are independent and as frequent as in training."""
    train, held = (
        np.concatenate([piece.roll() for piece in zh.read("jsb-chorales", split=name)[0]]) for name in ("train", split)
    )
    p = train.mean(0).clip(1e-7, 1 - 1e-7)
    return float(-(held * np.log(p) + ~held * np.log(1 - p)).sum(1).mean())


def trained(cls: Any, data: str, settings: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A model and what its training cost."""
    if "transpose" in settings:  # an option of the codec
        settings = {**settings, "codec": zh.RollCodec(transpose=settings["transpose"])}
        del settings["transpose"]
    began, cpu = time.perf_counter(), time.process_time()
    model = cls(**{"random_state": 0, "device": "cpu", **settings}).fit(data)
    return model, {
        "steps": model.n_steps_,
        "seconds": round(time.perf_counter() - began, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }


def chorales(model: Any, n: int = 64) -> dict[str, Any]:
    """What drawn chorales are like: ended, of four voices, in the training pieces' ranges, and of what length."""
    train = [piece.pitches() for piece in zh.read("jsb-chorales-16th")[0]]
    low, high = (
        np.stack([bound(np.where(p < 0, fill, p), axis=0) for p in train])
        for bound, fill in ((np.min, 999), (np.max, -1))
    )
    made = model.sample(n, random_state=1)
    longest = getattr(model, "max_frames", None)
    pitches = [piece.pitches() for piece in made]
    inside = [((p < 0) | ((p >= low.min(0)) & (p <= high.max(0)))).all() for p in pitches]
    return {
        "n": n,
        "ended": float(np.mean([longest is None or len(piece) < longest for piece in made])),
        "four voices": float(
            np.mean([piece.voices == 4 and (p >= 0).any(0).all() for piece, p in zip(made, pitches, strict=True)])
        ),
        "in range": float(np.mean(inside)),
        "median quarters": float(np.median([len(p) / 4 for p in made])),
        "crossing": float(np.mean([(np.diff(p, axis=1) > 0)[(p >= 0).all(1)].mean() for p in pitches if len(p)])),
    }


def harmony(model: Any, n: int = 8) -> dict[str, Any]:
    """Other voices made up for sopranos of held-out pieces: how well they fit, as the model sees it, beside Bach's."""
    from zaohua.modalities.music.midi import write_midi

    pieces = zh.read("jsb-chorales-16th", split="valid")[0][:n]
    found: dict[str, Any] = {"kept": [], "Bach": model.frame_nll(pieces) / 4}
    for particles in (1, 32):
        made = []
        for piece in pieces:
            with tempfile.TemporaryDirectory() as folder:
                tune = piece.pitches()[:, :1]
                path = write_midi(zh.Piece.from_voices(tune), Path(folder, "tune.mid"), 80)
                made += model.sample(1, melody=str(path), particles=particles, random_state=0)
            length = min(len(tune), len(made[-1]))
            found["kept"].append(bool(np.array_equal(made[-1].pitches()[:length, :1], tune[:length])))
        found[f"{particles} particles"] = model.frame_nll(made) / 4
    return {**found, "kept": float(np.mean(found["kept"]))}


def keys(split: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Quarter-note rolls."""
    model, cost = trained(zh.ChoraleRNN, "jsb-chorales", settings)
    return {"nats a frame": model.frame_nll(zh.read("jsb-chorales", split=split)[0]), **cost}


def voices(split: str, settings: dict[str, Any], out: Path | None) -> dict[str, Any]:
    """Four voices at 16ths: score, drawn chorales, harmonies."""
    model, cost = trained(zh.ChoraleRNN, "jsb-chorales-16th", settings)
    if out is not None:
        model.save(out)
        model.codec_.write_sheet(model.sample(4, random_state=0), out / "chorales.wav")
    return {
        "nats a note": model.frame_nll(zh.read("jsb-chorales-16th", split=split)[0]) / 4,
        **cost,
        "drawn": chorales(model),
        "harmony": harmony(model),
    }


def notes(split: str, settings: dict[str, Any]) -> dict[str, Any]:
    """MusicGPT; its score is that of tokens, so it is given per 16th and voice, onsets and lengths included."""
    model, cost = trained(zh.MusicGPT, "jsb-chorales-16th", settings)
    held = zh.read("jsb-chorales-16th", split=split)[0]
    return {
        "nats a note": -float(model.score_samples(held).sum()) / sum(4 * len(piece) for piece in held),
        **cost,
        "drawn": chorales(model),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["frequencies", "keys", "voices", "notes"])
    parser.add_argument("--test", action="store_true", help="score on the test split instead of the validation split")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--minutes", type=float, help="of training, instead of the models' own number of steps")
    parser.add_argument("--out", type=Path, help="run folder of the model of voices")
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    split = "test" if args.test else "valid"
    settings: dict[str, Any] = {} if args.minutes is None else {"max_minutes": args.minutes}
    for pair in args.set:
        name, _, value = pair.partition("=")
        try:
            settings[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            settings[name] = value
    base = frequencies("test")
    assert abs(base - 11.06) < 0.005, f"independent frequencies give {base:.3f} instead of 11.06: another convention"
    results: dict[str, Any] = {
        "what": args.what,
        "split": split,
        "settings": settings,
        "independent frequencies": base,
        "threads": args.threads,
        "load": round(os.getloadavg()[0], 2),
    }
    if args.what == "keys":
        results |= keys(split, settings)
    elif args.what == "voices":
        results |= voices(split, settings, args.out)
    elif args.what == "notes":
        results |= notes(split, settings)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
