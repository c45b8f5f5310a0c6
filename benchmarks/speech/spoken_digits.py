"""Text to speech with `zh.Flow`: sequences of spoken digits in six voices, heard by a recogniser of real clips.

    python benchmarks/speech/recogniser.py --seconds 240 --out recogniser.pt
    python benchmarks/speech/spoken_digits.py --steps 2000 --out runs/spoken-digits --recogniser recogniser.pt
    python benchmarks/speech/spoken_digits.py --out runs/spoken-digits --recogniser recogniser.pt    # a trained one

Trained on 3,000 sequences of clips with index 5 to 49; asked for 120 sequences of words that were never trained. Told
are the word error rates of the samples; of real test sequences of the same words and voices (clips 0 to 4); of those as
spectrograms made into sound by Griffin and Lim's method (the ceiling); and of the means that the aligner lays along the
time axis, without the flow. Seconds are CPU seconds of one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from digits import LONGEST, Clips, sequences  # isort: skip  (it imports zaohua before torch)
import torch
from recogniser import Recogniser, word_error_rate

import zaohua as zh
from zaohua.modalities import MelCodec


def train(args: argparse.Namespace) -> Any:
    """Train, and tell the CPU seconds."""
    spoken = sequences(Clips("train"), args.n, 0, tested=False)
    model = zh.Flow(
        codec=MelCodec(seconds=LONGEST),
        max_steps=args.steps,
        batch_size=args.batch,
        channels=args.channels,
        vocoder=args.vocoder,
        random_state=args.seed,
        device="cpu",
        checkpoint_every=250,
    )
    began, said = time.process_time(), [0]

    def tell(event: Any) -> None:
        if event.kind == "step" and event.step in args.keep:
            event.model().save(f"{args.out}-{event.step}")
        if event.kind == "log" and event.step - said[0] >= 100:
            said[0] = event.step
            losses = {name: round(value, 4) for name, value in event.record.items() if name.startswith("loss/")}
            print(event.step, f"{time.process_time() - began:.0f} CPU s", losses, flush=True)

    y = [{"text": s.text, "voice": s.voice} for s in spoken]
    model.fit([s.sound for s in spoken], y, out=args.out, overwrite=True, callbacks=[tell])
    print(json.dumps({"steps": model.n_steps_, "training, CPU s": round(time.process_time() - began)}), flush=True)
    return model


def measure(model: Any, net: Recogniser, n: int, options: dict[str, Any]) -> dict[str, Any]:
    """Word error rates and speed."""
    asked = sequences(Clips("test"), n, 1, tested=True)
    texts = [s.text for s in asked]

    def heard(sounds: Any) -> float:
        return round(word_error_rate(texts, net.hear([s.samples for s in sounds])), 4)

    began, sounds = time.process_time(), []
    for i, s in enumerate(asked):
        sounds += model.sample(y={"text": s.text, "voice": s.voice}, random_state=i, **options)
    spent, seconds = time.process_time() - began, sum(s.seconds for s in sounds)
    codec = model.codec_
    y = model.condition([{"text": s.text, "voice": s.voice} for s in asked])
    laid = model.seen(model.nets_, y)
    means = model.ended(laid.parts["text"][:, :1], y)
    real = [s.sound for s in asked]
    again = codec.decode(codec.prepare(codec.encode(real), None))
    return {
        **options,
        "n": n,
        "word error rate": heard(sounds),
        "of real sequences": heard(real),
        "of their spectrograms": heard(
            [zh.Sound(a.samples[: len(b)], b.rate) for a, b in zip(again, real, strict=True)]
        ),
        "of the aligner's means": heard(codec.decode(means)),
        "seconds, mean": [round(sum(x.seconds for x in each) / n, 2) for each in (sounds, real)],
        "times real time, one by one": round(seconds / spent, 1),
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recogniser", type=Path, required=True)
    parser.add_argument("--steps", type=int, help="train for so many steps")
    parser.add_argument("--keep", type=int, nargs="*", default=[], help="also save the model after these steps")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--vocoder", action="store_true")
    parser.add_argument("-n", "--n", type=int, default=3000)
    parser.add_argument("--asked", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--options", type=json.loads, nargs="*", default=[{"guidance": 1}, {"guidance": {"text": 2}}])
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = zh.load(args.out) if args.steps is None else train(args)
    net = Recogniser()
    net.load_state_dict(torch.load(args.recogniser))
    for options in args.options:
        print(json.dumps(measure(model, net.eval(), args.asked, options)), flush=True)


if __name__ == "__main__":
    main()
