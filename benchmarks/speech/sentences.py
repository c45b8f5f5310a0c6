"""Text to speech with `zh.Flow`: a voice of sentences, as pocketsphinx hears it.

    python benchmarks/speech/sentences.py make DATA                     # 2,050 sentences by espeak-ng, as LJSpeech is
    python benchmarks/speech/sentences.py train DATA --steps 9000 --out runs/voice
    python benchmarks/speech/sentences.py speak DATA --run runs/voice --to HEARD     # without --run: the originals only
    asr/bin/python benchmarks/speech/hear.py HEARD/*                    # see hear.py

Trained on the first 2,000 sentences; the last 50, which are others, are spoken. HEARD gets a folder of the original
recordings, of their spectrograms made into sound by Griffin and Lim's method (the ceiling), of the means that the
aligner lays along the time axis, and of the samples.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import torch
from grammar import sentences

from zaohua.modalities import MelCodec

TRAINED, ASKED, VOICE, SPEED = 2000, 50, "en-us+f3", 160
RATE, LONGEST = 16000, 3.2
CODEC = MelCodec(rate=RATE, seconds=LONGEST, trim=True)


def make(folder: Path) -> None:
    """Let espeak-ng speak sentences, in the layout of LJSpeech: wavs/*.wav, and metadata.csv of name|sentence."""
    import soundfile

    (folder / "wavs").mkdir(parents=True, exist_ok=True)
    lines = []
    for i, text in enumerate(sentences(TRAINED + ASKED, seed=0)):
        command = ["espeak-ng", "-v", VOICE, "-s", str(SPEED), "--stdout", text]
        samples, rate = soundfile.read(io.BytesIO(subprocess.run(command, capture_output=True, check=True).stdout))
        soundfile.write(folder / "wavs" / f"s{i:04d}.wav", samples, rate)
        lines.append(f"s{i:04d}|{text}\n")
    (folder / "metadata.csv").write_text("".join(lines), "utf-8")


def pairs(folder: Path, rows: slice) -> tuple[list[Path], list[str]]:
    """Return the files of some sentences, and the sentences."""
    lines = [line.split("|") for line in (folder / "metadata.csv").read_text("utf-8").splitlines()[rows]]
    return [folder / "wavs" / f"{name}.wav" for name, _ in lines], [text for _, text in lines]


def train(args: argparse.Namespace) -> None:
    """Train on the first sentences, and tell the CPU seconds."""
    paths, texts = pairs(args.data, slice(0, TRAINED))
    sounds = [read(path) for path in paths]
    model = zh.Flow(
        codec=CODEC,
        y_codec="texts",
        max_steps=args.steps,
        batch_size=args.batch,
        channels=args.channels,
        vocoder=False,
        random_state=0,
        device="cpu",
        checkpoint_every=250,
    )
    began = time.process_time()

    def tell(event: Any) -> None:
        if event.kind == "step" and event.step in args.keep:
            event.model().save(f"{args.out}-{event.step}")
        if event.kind == "log":
            losses = {name: round(value, 4) for name, value in event.record.items() if name.startswith("loss/")}
            print(event.step, f"{time.process_time() - began:.0f} CPU s", losses, flush=True)

    model.fit(sounds, texts, out=args.out, overwrite=True, callbacks=[tell])


def read(path: Path) -> zh.Sound:
    """Read a WAV file."""
    import soundfile

    return zh.Sound(*soundfile.read(path, dtype="float32"))


def write(sounds: Sequence[zh.Sound], texts: Sequence[str], folder: Path) -> None:
    """Write sounds of 16 kHz with their sentences, for `hear.py`."""
    import soundfile

    shutil.rmtree(folder, ignore_errors=True)
    (folder / "wavs").mkdir(parents=True)
    for i, sound in enumerate(sounds):
        soundfile.write(folder / "wavs" / f"s{i:04d}.wav", sound.samples, sound.rate, subtype="PCM_16")
    (folder / "metadata.csv").write_text("".join(f"s{i:04d}|{text}\n" for i, text in enumerate(texts)), "utf-8")


def speak(args: argparse.Namespace) -> None:
    """Write the recordings to hear, and tell the speed."""
    paths, texts = pairs(args.data, slice(TRAINED, TRAINED + ASKED))
    sounds = [read(path) for path in paths]
    model: Any = None if args.run is None else zh.load(args.run)
    codec = CODEC.fit(sounds) if model is None else model.codec_
    codes = codec.encode(codec.parts(sounds))
    write([zh.Sound(wave[0].numpy(), RATE) for wave in codec.waves(codes)], texts, args.to / "originals")
    write(codec.decode(codec.prepare(codes, None)), texts, args.to / "spectrograms")
    if model is None:
        return
    y = model.condition(texts)
    means = model.seen(model.nets_, y).parts["sequence"][:, :1]
    write(codec.decode(model.ended(means, y)), texts, args.to / "means")
    for options in args.options:
        began, sounds = time.process_time(), []
        for i, text in enumerate(texts):
            sounds += model.sample(y=text, random_state=i, **options)
        spent, seconds = time.process_time() - began, sum(sound.seconds for sound in sounds)
        name = "samples-" + "-".join(f"{key}-{value}" for key, value in options.items())
        write(sounds, texts, args.to / name)
        print(json.dumps({"folder": name, "seconds": round(seconds, 1), "times real time": round(seconds / spent, 1)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("make", "train", "speak"))
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--to", type=Path)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--keep", type=int, nargs="*", default=[], help="also save the model after these steps")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--options", type=json.loads, nargs="*", default=[{"guidance": 1}])
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.action == "make":
        make(args.data)
    else:
        {"train": train, "speak": speak}[args.action](args)


if __name__ == "__main__":
    main()
