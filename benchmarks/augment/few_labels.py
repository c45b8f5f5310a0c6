"""Few labels and many items without any: do samples of a flow help a classifier more than classical augmentation?

    ZAOHUA_DATA=... python benchmarks/augment/pretrain.py fashion-mnist --minutes 20 --out runs/fashion
    ZAOHUA_DATA=... python benchmarks/augment/few_labels.py runs/fashion fashion-mnist --each 10 --steps 600
    ZAOHUA_DATA=... python benchmarks/augment/pretrain.py fsdd --minutes 12 --out runs/fsdd
    ZAOHUA_DATA=... python benchmarks/augment/few_labels.py runs/fsdd fsdd --each 5 --steps 200

The flow was trained on all training items without labels. For each seed, labels are drawn for a few items and spread
over a graph of neighbours in the features of the flow, which is then fine-tuned for a moment: on the few labels, on the
surest of the spread ones, and on all other items without a label. Its samples augment the few labelled items
(`zh.augment`; the generator is fitted once for each seed). Beside its arms stands a classifier that learns from the
spread labels of the real items themselves. With --direct the flow is fine-tuned on the few labels alone. Seconds are
CPU time.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import torch
from spreading import features, spread, surest

from zaohua.core.notes import DataNote
from zaohua.metrics.intervals import mean_interval
from zaohua.modalities.pairs import take
from zaohua.modalities.registry import modality_of
from zaohua.tasks.augment.classifiers import Network
from zaohua.tasks.augment.data import Labelled
from zaohua.tasks.augment.kinds import view_of


class Spreader:
    """Fits the flow for a seed, and remembers which labels it spread."""

    def __init__(self, base: Any, steps: int, rate: float, nodes: int, direct: bool):
        self.base, self.steps, self.rate, self.nodes, self.direct = base, steps, rate, nodes, direct
        self.spread: list[Labelled] = []
        self.right: list[float] = []

    def __call__(self, data: Labelled, seed: int) -> Any:
        """Fine-tune the flow on a part of the items, all labelled ones among them."""
        rng, known = np.random.default_rng(seed), data.known
        others = np.setdiff1d(np.arange(len(data)), known)
        rows = np.concatenate([known, rng.permutation(others)[: max(0, self.nodes - len(known))]])
        part, classes = data.take(rows), sorted(data.counts)
        labels = [None if label is None else classes.index(label) for label in part.y]
        if self.direct:
            times = max(1, len(rows) // len(known) // 2)
            items = take(
                part.items, np.concatenate([np.repeat(np.arange(len(known)), times), np.arange(len(known), len(rows))])
            )
            y = [part.y[i] for i in range(len(known)) for _ in range(times)] + [None] * (len(rows) - len(known))
        else:
            codes = np.array([-1 if label is None else label for label in labels], np.int64)
            found, sure = spread(features(self.base, part.items), codes, len(classes))
            kept = surest(found, sure)
            items, y = part.items, [classes[code] if keep else None for code, keep in zip(found, kept, strict=True)]
            self.spread.append(Labelled(part.items, y))
        return self.base.finetune(
            items, y, max_steps=self.steps, learning_rate=self.rate, warmup_steps=20, validation_fraction=0.0,
            random_state=seed, device="cpu",
        )  # fmt: skip


def of_real(spreader: Spreader, found: Any, test: Labelled, base: Any) -> list[float]:
    """Return the accuracy of classifiers that learn from the labels spread to real items, one for each seed."""
    kind, out = modality_of(type(base.codec_)), []
    for k, data in enumerate(spreader.spread):
        few = data.take(np.arange(len(found.data.real)))
        more = data.take(data.known[len(few) :])
        view = view_of(kind, few, None, base)
        classes = sorted(set(few.y))
        lesson = found_lesson(view, few, classes, found.choices[k].transform)
        lesson = lesson.with_more(
            view.see(more.items), np.array([classes.index(y) for y in more.y]), found.choices[k].weight
        )
        predicted = Network(len(classes)).learn(lesson, k)(view.see(test.items)).argmax(1)
        out.append(float(np.mean(predicted == np.array([classes.index(y) for y in test.y]))))
    return out


def found_lesson(view: Any, few: Labelled, classes: list[Any], transform: Any) -> Any:
    """Return the lesson of the few labelled items."""
    from zaohua.tasks.augment.classifiers import Lesson

    return Lesson(view.see(few.items), np.array([classes.index(y) for y in few.y]), np.ones(len(few)), transform)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("data")
    parser.add_argument("--each", type=int, default=10, help="labelled items of each class")
    parser.add_argument("--steps", type=int, default=600, help="of fine-tuning")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--nodes", type=int, default=12_000, help="items of the graph")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=800)
    parser.add_argument("--guidance", type=float, nargs="+", default=[1.0, 2.0])
    parser.add_argument("--weights", type=float, nargs="+", default=[0.5, 1.0])
    parser.add_argument("--classifier-steps", type=int, default=600)
    parser.add_argument("--direct", action="store_true", help="fine-tune on the few labels alone")
    values = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", DataNote)
    Network.steps = (200, values.classifier_steps)
    base = zh.load(values.run)
    spreader = Spreader(base, values.steps, values.rate, values.nodes, values.direct)
    found = zh.augment(
        base, values.data, True, n=10 * values.each, unlabelled=True, refit="seeds", fitter=spreader,
        n_samples=values.samples, n_folds=2, seeds=values.seeds, weights=values.weights, metric="accuracy",
        options=[{"guidance": weight} for weight in values.guidance],
        log=lambda line: print(f"{time.process_time():7.0f} s  {line}", flush=True),
    )  # fmt: skip
    print("\n".join(found.lines()))
    print(json.dumps(found.to_json()["scores"]))
    print(json.dumps(found.to_json()["choices"]))
    if spreader.spread:
        items, y = zh.read(values.data, True, split="test")
        accuracies = of_real(spreader, found, Labelled.of(items, y), base)
        print("labels spread to the real items themselves:", [round(a, 4) for a in accuracies])
        both = np.array(accuracies) - np.array(found.scores["classical"])
        print("over classical:", mean_interval(both))
    print(f"{time.process_time():.0f} s of CPU time")


if __name__ == "__main__":
    main()
