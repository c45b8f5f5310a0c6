"""Measure explanations: oddness of pictures and rows, and counterfactuals of digits and rows.

    python benchmarks/explain.py pictures [--run RUN]      a PixelCNN of clothes, asked about digits
    python benchmarks/explain.py tables                    rows of a class that training never had
    python benchmarks/explain.py counterfactuals           digits of another class, rows of another answer

Each prints a table. `--run` takes a PixelCNN of fashion-mnist; without it one is trained for five minutes of CPU time.
"""

from __future__ import annotations

import argparse
import time

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from zaohua.tasks.explain.counterfactuals import counterfactuals
from zaohua.tasks.explain.oddness import Detector
from zaohua.tasks.explain.subject import reference_of, subject_of


def auroc(usual: np.ndarray, odd: np.ndarray) -> float:
    return float(roc_auc_score(np.r_[np.zeros(len(usual)), np.ones(len(odd))], np.r_[usual, odd]))


def pictures(run: str | None, n: int) -> None:
    model = zh.load(run) if run else zh.PixelCNN(random_state=0, max_minutes=5).fit("fashion-mnist")
    reference = reference_of(model, zh.read("fashion-mnist", split="test"), zh.read("fashion-mnist"))
    usual = reference.test[0].take(np.arange(n))
    odd = model.encode_items(zh.read("mnist", split="test")[0])
    detector = Detector(model, reference.train[0])
    a = detector.scores(usual, usual)
    b = detector.scores(odd.take(np.arange(n)))
    print(f"PixelCNN of fashion-mnist, {n} of its test pictures against {n} of mnist; background {detector.background}")
    for name in a:
        print(f"  {name:<11} AUROC {auroc(a[name], b[name]):.3f}")


def table_of(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the rows of a data set without its label, and which are of the other class."""
    if name == "breast-cancer":
        found = load_breast_cancer(as_frame=True)
        return found.data, found.target.to_numpy() == 0
    X, _ = zh.read(name)
    X = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X)
    target = X.columns[-1]
    labels = X[target].astype(str)
    return X.drop(columns=target), (labels != labels.value_counts().index[0]).to_numpy()


def tables() -> None:
    print("ProductMixture of the larger class; AUROC of held-out rows of the other one")
    print(f"  {'':<18}{'numbers':<16}{'raw':>7}{'ratio':>7}{'nearest':>9}{'forest':>8}{'kNN':>7}")
    for name in ("breast-cancer", "online-shoppers", "adult"):
        X, odd = table_of(name)
        order = np.random.default_rng(0).permutation(np.flatnonzero(~odd))
        half = len(order) // 2
        train, usual = X.iloc[order[:half]], X.iloc[order[half:][:2000]]
        other = X.iloc[np.flatnonzero(odd)[:2000]]
        for numbers in ("quantile", "modes"):
            model = zh.ProductMixture(random_state=0, codec=zh.TableCodec(numbers=numbers))
            model.fit(train.reset_index(drop=True))
            codes = model.encode_items(train)
            detector = Detector(model, codes)
            parts = [model.encode_items(part) for part in (usual, other)]
            a, b = detector.scores(parts[0], parts[0]), detector.scores(parts[1])
            base, u, o = plain(train, usual, other)
            forest = IsolationForest(n_estimators=300, random_state=0).fit(base)
            knn = NearestNeighbors(n_neighbors=10).fit(base)
            others = [
                auroc(-forest.score_samples(u), -forest.score_samples(o)),
                auroc(knn.kneighbors(u)[0].mean(1), knn.kneighbors(o)[0].mean(1)),
            ]
            own = [auroc(a[key], b[key]) for key in ("raw", "ratio", "distance")]
            print(f"  {name:<18}{numbers:<16}{own[0]:7.3f}{own[1]:7.3f}{own[2]:9.3f}", end="")
            print(f"{others[0]:8.3f}{others[1]:7.3f}", flush=True)


def plain(train: pd.DataFrame, *others: pd.DataFrame) -> list[np.ndarray]:
    """Return rows as standardised numbers and one-hot categories, as people give them to detectors."""
    every = pd.get_dummies(pd.concat([train, *others]), dtype=float).astype(float).fillna(0.0).to_numpy()
    own = every[: len(train)]
    every = (every - own.mean(0)) / np.maximum(own.std(0), 1e-3)
    return np.split(every, np.cumsum([len(train), *map(len, others)])[:-1])


def flips(model: object, n: int) -> None:
    reference = reference_of(model, None, None)
    found = [counterfactuals(subject_of(model, i, None, lambda: reference)) for i in range(n)]
    each = [one for item in found for one in item.found]
    far = np.median([one.distance for one in each])
    share = np.mean([one.flips for one in each])
    below = np.mean([one.distance < item.between for item in found for one in item.found])
    print(
        f"  {type(model).__name__:<16}{share:6.1%} of {len(each)} flip, moved {far:.2f} in the median, classes are "
        f"{found[0].between:.2f} apart ({below:.0%} moved less); classifier right on {found[0].accuracy:.1%}",
        flush=True,
    )


def all_counterfactuals(n: int) -> None:
    print(f"counterfactuals of {n} held-out items")
    flips(zh.VAE(random_state=0, max_steps=1000).fit("digits", True), n)
    flips(zh.Flow(random_state=0, max_steps=600, channels=16).fit("digits", True), n)
    flips(zh.ProductMixture(random_state=0).fit("adult"), n)


def main() -> None:
    time.perf_counter = time.process_time  # minutes of training are CPU minutes
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("pictures", "tables", "counterfactuals"))
    parser.add_argument("--run")
    parser.add_argument("-n", type=int)
    given = parser.parse_args()
    if given.what == "pictures":
        pictures(given.run, given.n or 1000)
    elif given.what == "tables":
        tables()
    else:
        all_counterfactuals(given.n or 10)


if __name__ == "__main__":
    main()
