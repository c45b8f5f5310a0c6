"""Image to text: does a language model name the garment of a picture, and what its pixels say about it?

    python benchmarks/captions/image_to_text.py train --minutes 10 --out runs/says
    python benchmarks/captions/image_to_text.py measure runs/says -n 2000
    python benchmarks/captions/image_to_text.py classifier --minutes 10

A `zh.GPT` of captions (characters) given pictures, seed 0, trained on all 60,000 training pictures with one caption
each, which names an attribute if the picture has one (see `captions`). The garment that a caption names is the longest
name in it. Retrieval: of ten captions of one picture that differ in the garment, the likeliest is taken. The classifier
has the same embedding of pictures and the same blocks, and is trained for as long.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import torch
from clock import by_cpu_time, cost
from judge import by, share
from torch import Tensor, nn
from torch.nn import functional as F

from captions import ATTRIBUTES, CHINESE, LEARNT, Attributes, can_say, caption, captions_of, data
from zaohua.core.spec import DataSpec
from zaohua.modalities import ImageCodec
from zaohua.nn.blueprint import GPT2
from zaohua.nn.embed import Embed
from zaohua.nn.transformer import TransformerBlock

SIZE = {"width": 128, "layers": 2}
WORDS = [word for pair in ATTRIBUTES for word in pair]


def named(text: str, words: list[str]) -> str | None:
    """Return which of some words, in English or Chinese, a caption names: the longest that it holds."""
    found = [(len(form), word) for word in words for form in (word, CHINESE[word]) if form in text]
    return max(found)[1] if found else None


def train(minutes: float, out: Path, settings: dict[str, Any]) -> None:
    """Train a model of captions given pictures, or go on training it."""
    by_cpu_time()
    pictures, garments = data("train")
    texts = captions_of(pictures, garments, Attributes.of(pictures, garments), plain=0.0)
    defaults = {**SIZE, "context": 64, "max_tokens": 60, "batch_size": 24, "dropout": 0.0, "validation_fraction": 0.0}
    model = zh.GPT(**{**defaults, **settings}, max_minutes=minutes, random_state=0, device="cpu", patience=None)
    if (out / "checkpoints").exists():
        model.resume(out, texts, pictures)
    else:
        model.fit(texts, pictures, out=out)
    print(json.dumps(cost(model)))


def measure(model: zh.GPT, n: int, ways: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return all figures on the first n test pictures."""
    train_pictures, train_garments = data("train")
    attributes = Attributes.of(train_pictures, train_garments)
    pictures, garments = (part[:n] for part in data("test"))
    pairs = attributes.named(pictures, garments)
    names = sorted(set(train_garments))
    found: dict[str, Any] = cost(model) | {"pictures": n}
    for way, options in ways.items():
        texts = model.sample(y=pictures, random_state=0, **options)
        said = [named(text, names) for text in texts]
        right = np.array([a == b for a, b in zip(said, garments, strict=True)])
        words = [named(text, WORDS) for text in texts]
        true = [word in pair for word, pair in zip(words, pairs, strict=True) if word]
        unneeded = [word is None for word, pair in zip(words, pairs, strict=True) if pair == (None, None)]
        found[way] = {
            "garment": share(right),
            "without shirts": share(right[[g != "shirt" for g in garments]]),
            "by garment": by(right, garments),
            "attribute, of captions with one": share(true),
            "no attribute, of pictures without": share(unneeded),
            "captions with an attribute": share([word is not None for word in words]),
            "different captions": len(set(texts)),
            "first": texts[:12],
        }
    found["retrieval"] = retrieval(model, pictures, garments, pairs, names)
    return found


def retrieval(
    model: zh.GPT,
    pictures: np.ndarray,
    garments: list[str],
    pairs: list[tuple[str | None, str | None]],
    names: list[str],
) -> dict[str, Any]:
    """Return how often the right one of ten captions of a picture is the likeliest."""
    random, texts = np.random.default_rng(2), []
    for pair in pairs:
        sayable = [word for word in pair if word]
        word = str(random.choice(sayable)) if sayable else None
        phrasing = str(random.choice([p for p in LEARNT if can_say(p, word)]))
        texts.append([caption(phrasing, name, word) for name in names])
    best = [
        zh.retrieve(model, row, picture[None], of="items").best[0] for row, picture in zip(texts, pictures, strict=True)
    ]
    right = np.array([names[k] == g for k, g in zip(best, garments, strict=True)])
    return {"garment": share(right), "by garment": by(right, garments)}


class Plain(nn.Module):
    """Classifier with the embedding of pictures and the blocks of the model of captions."""

    def __init__(self, spec: DataSpec, classes: int) -> None:
        super().__init__()
        width, layers = SIZE["width"], SIZE["layers"]
        self.embed = Embed(spec, width)
        self.blocks = nn.ModuleList(TransformerBlock(width, 4, 0.1, GPT2) for _ in range(layers))
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        h = self.embed(x, len(x)).values
        sees_all = torch.ones(h.shape[1], h.shape[1], dtype=torch.bool)
        for block in self.blocks:
            h = block(h, None, sees_all)
        logits: Tensor = self.head(h.mean(1))
        return logits


def classify(minutes: float) -> dict[str, Any]:
    """Train the classifier and return its accuracy on all test pictures."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    (pictures, garments), (test, test_garments) = data("train"), data("test")
    names = sorted(set(garments))
    spec = ImageCodec().fit(pictures).spec_
    x, y = scaled(pictures), torch.tensor([names.index(g) for g in garments])
    net = Plain(spec, len(names))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1)
    began, steps = time.process_time(), 0
    while (done := (time.process_time() - began) / 60 / minutes) < 1:
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * min(1, steps / 100) * math.cos(math.pi / 2 * done)
        rows = torch.randint(len(x), (64,))
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(x[rows])
        loss = F.cross_entropy(logits.float(), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps += 1
    with torch.no_grad():
        predicted = torch.cat([net.eval()(part).argmax(1) for part in scaled(test).split(500)])
    right = np.array([names[k] == g for k, g in zip(predicted.tolist(), test_garments, strict=True)])
    size = sum(p.numel() for p in net.parameters())
    return {"steps": steps, "weights": size, "garment": share(right), "by garment": by(right, test_garments)}


def scaled(pictures: np.ndarray) -> Tensor:
    """Return pictures as tensors in [-1, 1]."""
    return torch.from_numpy(pictures).float().unsqueeze(1) / 127.5 - 1


WAYS = {"greedy": {"temperature": 0}, "sampled": {"temperature": 1.0}, "4 beams": {"beams": 4}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train")
    training.add_argument("--minutes", type=float, default=10, help="of CPU time")
    training.add_argument("--out", type=Path, required=True)
    training.add_argument("--settings", type=json.loads, default={}, help="of the model: '{\"batch_size\": 32}'")
    measuring = commands.add_parser("measure")
    measuring.add_argument("run", type=Path)
    measuring.add_argument("-n", type=int, default=2000, help="test pictures")
    commands.add_parser("classifier").add_argument("--minutes", type=float, default=10, help="of CPU time")
    args = parser.parse_args()
    if args.command == "train":
        train(args.minutes, args.out, args.settings)
    else:
        found = classify(args.minutes) if args.command == "classifier" else measure(zh.load(args.run), args.n, WAYS)
        print(json.dumps(found, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
