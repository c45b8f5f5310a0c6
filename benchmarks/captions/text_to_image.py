"""Text to image: does a flow model of Fashion-MNIST draw what a caption says, in words that it never saw?

    python benchmarks/captions/text_to_image.py train labels --minutes 15 --out runs/labels
    python benchmarks/captions/text_to_image.py train captions --minutes 15 --out runs/captions
    python benchmarks/captions/text_to_image.py measure runs/captions --labels runs/labels --sheet sheet.png

Both are `zh.Flow` with its defaults and seed 0, trained for as many CPU minutes on the same 60,000 pictures; y is the
label, or a caption (characters). Training that was interrupted goes on if it is started again. Judged by a classifier
of real pictures, see `judge`; the Fréchet distance is of 10,000 samples to the test pictures, for their labels, and for
captions of them in `LEARNT` phrasings.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
from clock import by_cpu_time, cost
from judge import Judge, asked, by, follow, share
from PIL import Image

from captions import COMBINATIONS, HELD_OUT, LEARNT, Attributes, can_say, captions_of, data
from zaohua.modalities import TextCodec


def train(kind: str, minutes: float, out: Path) -> None:
    """Train a model given labels or captions, or go on training it."""
    by_cpu_time()
    pictures, garments = data("train")
    labels = garments if kind == "labels" else captions_of(pictures, garments, Attributes.of(pictures, garments))
    codec = None if kind == "labels" else TextCodec()
    model = zh.Flow(max_minutes=minutes, random_state=0, device="cpu", y_codec=codec)
    if (out / "checkpoints").exists():
        model.resume(out, pictures, labels)
    else:
        model.fit(pictures, labels, out=out)
    print(json.dumps(cost(model)))


def measure(run: Path, labels: Path | None, sheet: Path | None, n: int, options: dict[str, Any]) -> dict[str, Any]:
    """Return all figures of a model of captions, beside those of a model of labels."""
    judge, model = Judge(), zh.load(run)
    found: dict[str, Any] = {**judge.own(), "captions": cost(model), "options": options}
    for name, phrasings, each in (("learnt", LEARNT, 10), ("held out", HELD_OUT, 25)):
        wanted = asked(judge, each, phrasings)
        figures, pictures, right = follow(judge, model, wanted, **options)
        found[name] = figures | {
            "by phrasing": by(right, [phrasing for phrasing, _, _ in wanted]),
            "by garment": by(right, [garment for _, garment, _ in wanted]),
        }
        if sheet is not None:
            first = [i for i in range(len(wanted)) if i % each < 2]
            save(pictures[first], 2 * len(judge.garments), sheet.with_stem(f"{sheet.stem}-{name.replace(' ', '-')}"))
    phrasings = [p for p in (*LEARNT, *HELD_OUT) if "{a}" in p or "{w}" in p]
    wanted = [(p, g, a) for g, a in sorted(COMBINATIONS) for p in phrasings for _ in range(3) if can_say(p, a)]
    figures, pictures, right = follow(judge, model, wanted, **options)
    sides = [judge.attributes.followed(x, g, a or "") for x, (_, g, a) in zip(pictures, wanted, strict=True)]
    pairs = [f"{a} {g}" for _, g, a in wanted]
    found["combinations held out"] = figures | {
        "both": share(right & np.array(sides)),
        "garment by combination": by(right, pairs),
        "attribute by combination": by(np.array(sides), pairs),
    }
    if sheet is not None:
        save(pictures, len(wanted) // len(COMBINATIONS), sheet.with_stem(f"{sheet.stem}-combinations"))
    texts = captions_of(judge.test[:n], judge.test_garments[:n], judge.attributes, seed=1)
    found["Fréchet distance"] = judge.frechet(model.sample(n, y=texts, random_state=1, **options))
    if labels is not None:
        other = zh.load(labels)
        pictures = other.sample(n, y=judge.test_garments[:n], random_state=1, **options)
        found["labels"] = cost(other) | {
            "garment": judge.classifier.accuracy(pictures, judge.test_garments[:n]),
            "Fréchet distance": judge.frechet(pictures),
        }
        found["ratio of Fréchet distances"] = found["Fréchet distance"] / found["labels"]["Fréchet distance"]
    return found


def save(pictures: np.ndarray, columns: int, path: Path) -> None:
    """Write pictures (n, 28, 28) as a sheet, row by row."""
    rows = len(pictures) // columns
    grid = pictures[: rows * columns].reshape(rows, columns, 28, 28).transpose(0, 2, 1, 3).reshape(rows * 28, -1)
    Image.fromarray(grid).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train")
    training.add_argument("kind", choices=["labels", "captions"])
    training.add_argument("--minutes", type=float, default=20, help="of CPU time")
    training.add_argument("--out", type=Path, required=True)
    measuring = commands.add_parser("measure")
    measuring.add_argument("run", type=Path)
    measuring.add_argument("--labels", type=Path, help="run of the model of labels")
    measuring.add_argument("--sheet", type=Path, help="where to write sheets of samples, a .png")
    measuring.add_argument("-n", type=int, default=10_000, help="samples for the Fréchet distance")
    measuring.add_argument("--options", type=json.loads, default={}, help="of `sample`: '{\"guidance\": 3}'")
    args = parser.parse_args()
    if args.command == "train":
        train(args.kind, args.minutes, args.out)
    else:
        found = measure(args.run, args.labels, args.sheet, args.n, args.options)
        print(json.dumps(found, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
