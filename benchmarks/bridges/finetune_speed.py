"""Fine-tuning by LoRA: tokens per second and memory, ours and those of peft with transformers, on the same batches.

    ZAOHUA_DATA=... python benchmarks/bridges/finetune_speed.py ours|peft|peft-plain --base FILE.gguf --steps 8

Both learn the answers to the first questions of XQuAD (see `finetune.py`), shuffled batches of 8, by
adapters of rank 16 in all linear layers of blocks, by AdamW, in bfloat16 where torch's autocast says so (`peft-plain`:
float32). Run one after the other in turns, on an idle machine. Printed are the median seconds of a step without the
first two, tokens read a second, the loss of the last step and the peak of resident memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import torch
from finetune import questions

from zaohua.training.events import Event

BATCH, RANK, RATE = 8, 16, 5e-4


def ours(base: str, steps: int) -> dict[str, Any]:
    """Fine-tune with zaohua."""
    model = zh.load(base, device="cpu")
    learnt = questions("en")[0][: BATCH * steps]
    times: list[float] = []

    def watch(event: Event) -> None:
        if event.kind == "step":
            times.append(time.perf_counter())

    tuned = model.finetune(
        learnt,
        lora=RANK,
        learning_rate=RATE,
        batch_size=BATCH,
        context=512,
        max_steps=steps,
        warmup_steps=0,
        lr_schedule="constant",
        validation_fraction=0.0,
        random_state=0,
        log_every=1,
        callbacks=[watch],
    )
    losses = [record["loss/model"] for record in tuned.history_ if "loss/model" in record]
    return {"times": times, "tokens": tokens(model, learnt, steps), "loss": losses[-1]}


def tokens(model: Any, learnt: list[Any], steps: int) -> float:
    """Return the tokens of a step, without padding."""
    codes = model.codec_.encode(learnt)
    return float((codes.stops - codes.starts).sum()) / steps


def theirs(base: str, steps: int, dtype: torch.dtype | None) -> dict[str, Any]:
    """Fine-tune with peft."""
    from pathlib import Path

    import transformers
    from peft import LoraConfig, get_peft_model

    path = Path(base)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    model = transformers.AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(r=RANK, lora_alpha=RANK, target_modules="all-linear"))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=RATE)
    ours_codec = zh.load(base, device="cpu")
    learnt = questions("en")[0][: BATCH * steps]
    order = torch.randperm(len(learnt), generator=torch.Generator().manual_seed(0)).tolist()
    learnt = [learnt[i] for i in order]  # as any training does: neighbours are of one paragraph, and equally long
    codes = ours_codec.codec_.encode(learnt)
    rows = [codes.stream[a:b].long() for a, b in zip(codes.starts, codes.stops, strict=True)]
    times, loss = [time.perf_counter()], 0.0
    model.train()
    for step in range(steps):
        some = rows[step * BATCH : (step + 1) * BATCH]
        padded = torch.nn.utils.rnn.pad_sequence(some, batch_first=True, padding_value=-1)
        labels = torch.where(padded >= 0, padded, -100)
        inputs = torch.where(padded < -1, -2 - padded, padded).clamp(min=0)
        with torch.autocast("cpu", dtype=dtype or torch.bfloat16, enabled=dtype is not None):
            out = model(input_ids=inputs, attention_mask=(padded != -1).long(), labels=labels)
        out.loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.perf_counter())
        loss = float(out.loss)
    del tokenizer
    return {"times": times, "tokens": tokens(ours_codec, learnt, steps), "loss": loss}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=["ours", "peft", "peft-plain"])
    parser.add_argument("--base", required=True)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.threads == 1:
        time.perf_counter = time.process_time
    dtype = torch.bfloat16 if args.which == "peft" else None
    found = ours(args.base, args.steps) if args.which == "ours" else theirs(args.base, args.steps, dtype)
    each = [after - before for before, after in zip(found["times"], found["times"][1:], strict=False)][2:]
    row = {
        "": args.which,
        "threads": args.threads,
        "seconds a step": round(statistics.median(each), 3),
        "tokens a second": round(found["tokens"] / statistics.mean(each)),
        "loss": round(found["loss"], 3),
        "GiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
