"""dpmm: its MST on a table, with its own defaults; a tenth of epsilon goes for its PrivTree bins.

Rows are read from and written to CSV. The domain, which is public to it as it is to ours, is read from a JSON schema of
ours. Needs Python below 3.12.
"""

from __future__ import annotations

import argparse
import json
import time
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from dpmm.pipelines import MSTPipeline


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the training rows (CSV)")
    parser.add_argument("--schema", type=Path, required=True, help="what cells can be (JSON)")
    parser.add_argument("--epsilon", type=float, default=1.0)
    parser.add_argument("--delta", type=float, default=1e-6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples-out", type=Path, required=True, help="write as many rows as there are here (CSV)")
    args = parser.parse_args()
    table = pd.read_csv(args.data, keep_default_na=False)
    domain = {
        name: {"categories": [*entry["categories"], *[""] * entry.get("missing", False)]}
        if "categories" in entry
        else {"lower": entry["low"], "upper": entry["high"]}
        for name, entry in json.loads(args.schema.read_text()).items()
    }
    for name, entry in domain.items():
        if "categories" in entry:
            table[name] = table[name].astype("category")
    start = time.perf_counter(), time.process_time()
    model = MSTPipeline(epsilon=0.9 * args.epsilon, delta=args.delta, proc_epsilon=0.1 * args.epsilon, n_jobs=1)
    model.fit(table, domain, random_state=args.seed)
    wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
    model.generate(n_records=len(table), random_state=args.seed).to_csv(args.samples_out, index=False)
    print(json.dumps({"peer": f"dpmm {version('dpmm')}", "wall_s": round(wall, 1), "cpu_s": round(cpu, 1)}))


if __name__ == "__main__":
    main()
