"""Train a flow on pictures or sounds without any labels, from which `fashion.py` and `digits.py` go on with a few.

    ZAOHUA_DATA=... python benchmarks/augment/pretrain.py fashion-mnist --minutes 20 --out runs/fashion

The classes are declared, none of them is learnt. Minutes are CPU time of this process on one thread.
"""

from __future__ import annotations

import argparse
import time
import warnings

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
from zaohua.core.notes import DataNote


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=["fashion-mnist", "mnist", "fsdd"])
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--out", required=True)
    values = parser.parse_args()
    time.perf_counter = time.process_time
    warnings.simplefilter("ignore", DataNote)
    X, y = zh.read(values.data, True)
    codec = zh.LabelCodec(classes=tuple(sorted(set(y))))
    model = zh.Flow(
        y_codec=codec, max_minutes=values.minutes, random_state=0, validation_fraction=0.0, device="cpu", log_every=500
    )
    model.fit(X, [None] * len(X), out=values.out, overwrite=True)
    print(f"{model.n_steps_:,} steps, {time.process_time():.0f} s of CPU time")


if __name__ == "__main__":
    main()
