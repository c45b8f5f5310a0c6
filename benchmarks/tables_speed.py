"""Side by side in one run: the CTGAN of zaohua and of the package ctgan learn Adult, as many epochs, same batches.

    python benchmarks/tables_speed.py --epochs 60 --threads 1

Ours, then the peer, in processes of their own. Printed are seconds of preparation and of an epoch, by the clock and of
CPU time (which other programs on the machine disturb less), their ratios, and of as many samples as there are training
rows: the AUC of boosted trees that learn income from them on the 16,281 test rows, and how far shapes and trends are
from those rows. With `--epochs 0` ours has its own default of steps and the peer its own of epochs. Results are
written to benchmarks/results/. Set the peer up first: `python benchmarks/peers.py setup ctgan`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import pandas as pd
import torch

from peer_common import report
from peers import SCRIPTS, python_of
from zaohua import modalities
from zaohua.modalities.tables.codec import TableCodec

HERE = Path(__file__).resolve().parent
BATCH, PEER_EPOCHS = 500, 300


class Clock:
    """A callback that notes when steps begin and end."""

    def __init__(self) -> None:
        self.times: dict[str, tuple[float, float]] = {}

    def __call__(self, event: Any) -> None:
        self.times[event.kind] = time.perf_counter(), time.process_time()


def ours(args: argparse.Namespace) -> dict[str, Any]:
    """Our side: preparation is finding out what the columns are, and encoding."""
    torch.set_num_threads(args.threads)
    table, _ = modalities.read("adult", split="train")
    steps_per_epoch = len(table) // BATCH
    start = time.perf_counter(), time.process_time()
    TableCodec(numbers="modes").fit(table).encode(table)
    prepared = time.perf_counter(), time.process_time()
    clock = Clock()
    model = zh.CTGAN(max_steps=steps_per_epoch * args.epochs or None, batch_size=BATCH, device="cpu", random_state=0)
    model.fit(table, callbacks=[clock])
    epochs = model.n_steps_ / steps_per_epoch
    figures: dict[str, Any] = {
        "version": f"zaohua {zh.__version__}, torch {torch.__version__}",
        "threads": args.threads,
        "epochs": round(epochs, 1),
    }
    for i, name in enumerate(("wall", "cpu")):
        figures |= {
            f"prepare_{name}_s": round(prepared[i] - start[i], 3),
            f"{name}_s_per_epoch": round((clock.times["end"][i] - clock.times["start"][i]) / epochs, 4),
        }
    before = time.perf_counter(), time.process_time()
    model.sample(len(table), random_state=1).to_csv(args.samples_out, index=False)
    return {
        **figures,
        "sampling_wall_s": round(time.perf_counter() - before[0], 3),
        "sampling_cpu_s": round(time.process_time() - before[1], 3),
    }


def quality(file: Path) -> dict[str, float]:
    """AUC, and mean errors of shapes and trends in per cent, by the test rows."""
    from zaohua.metrics.columns import mean_trend, shapes, trends
    from zaohua.metrics.utility import utility

    train, test = (modalities.read("adult", split=split)[0] for split in ("train", "test"))
    codec = TableCodec().fit(train)
    sizes = [column.size + 1 if column.is_category else 0 for column in codec.columns_]  # one more: never seen
    real, rows = (codec.encode(frame, unseen=True).numpy() for frame in (test, pd.read_csv(file)))
    for place, size in enumerate(sizes):
        for codes in (real, rows) if size else ():
            codes[codes[:, place] < 0, place] = size - 1
    target = next(place for place, column in enumerate(codec.columns_) if column.name == "income")
    return {
        "auc": round(utility(rows, real, sizes, target)["auc"].value, 4),
        "shape_error_%": round(100 * (1 - float(shapes(real, rows, sizes).mean())), 2),
        "trend_error_%": round(100 * (1 - mean_trend(trends(real, rows, sizes))), 2),
    }


def run(command: list[str]) -> dict[str, Any]:
    """The line of JSON that a benchmark prints last."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def compare(args: argparse.Namespace) -> dict[str, Any]:
    """Both sides, one after the other."""
    common = ["--json", "--threads", str(args.threads)]
    table, _ = modalities.read("adult", split="train")
    discrete = [str(column.name) for column in TableCodec().fit(table).columns_ if column.is_category]
    with tempfile.TemporaryDirectory() as folder:
        data, a_file, b_file = (Path(folder, name) for name in ("adult.csv", "ours.csv", "peer.csv"))
        table.to_csv(data, index=False)
        a = run(
            [sys.executable, __file__, "--ours", "--epochs", str(args.epochs), *common, "--samples-out", str(a_file)]
        )
        b = run(
            [
                str(python_of("ctgan")),
                str(HERE / SCRIPTS["ctgan"]),
                "--data",
                str(data),
                "--discrete",
                *discrete,
                "--epochs",
                str(args.epochs or PEER_EPOCHS),
                *common,
                "--samples-out",
                str(b_file),
            ]
        )
        found = {"ours": quality(a_file), "peer": quality(b_file)}
    times = ("prepare_wall_s", "prepare_cpu_s", "wall_s_per_epoch", "cpu_s_per_epoch")
    return {
        "versions": [a["version"], b["peer"]],
        "threads": args.threads,
        "epochs": [a["epochs"], b["epochs"]],
        "ratios": {name: round(b[name] / a[name], 2) for name in times},
        "quality": found,
        "runs": {"ours": a, "peer": b},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--ours", action="store_true", help="our side only")
    parser.add_argument("--samples-out", type=Path, help="where our side writes its samples (CSV)")
    args = parser.parse_args()
    if args.ours:
        report(ours(args), args.json)
        return
    result = compare(args)
    print(json.dumps(result, indent=None if args.json else 2))
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    path = folder / f"tables-speed-{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
