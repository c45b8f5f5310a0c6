"""Does a small model answer what it was asked, in the asked format? Fine-tuned on pairs that we wrote ourselves.

    python benchmarks/questions.py --threads 1

A GPT learns plain sentences about invented animals, then is fine-tuned on questions about them whose answers have a
fixed form, in full and by LoRA. The questions are asked again, greedily, in the words of training and in others: the
share of exact matches, and of answers in the asked form whatever they say. A third of the animals never come up then;
what is said of them shows how much of the plain sentences was taken along, and is no more than a curiosity.
"""

from __future__ import annotations

import argparse
import json
import re
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import torch

NAMES = ("brell", "dovin", "fenn", "gorp", "hask", "jilo", "kemmet", "lurn", "moxi", "nadd", "orrel", "pim")
PLACES = ("in the reeds", "under old stones", "on high cliffs", "in warm sand", "by the salt lake", "in tall grass")
FOODS = ("berries", "small fish", "moss", "beetles", "roots", "seeds", "honey")
COLOURS = ("grey", "red", "white", "green", "black")
FACTS = {name: (PLACES[i % 6], FOODS[(3 * i + 1) % 7], COLOURS[(2 * i + i // 5) % 5]) for i, name in enumerate(NAMES)}

ASKED = {
    "place": ("Where does the {} live?", "It lives {}."),
    "food": ("What does the {} eat?", "It eats {}."),
    "colour": ("What colour is the {}?", "It is {}."),
}
OTHERWISE = {
    "place": "Tell me where the {} lives.",
    "food": "Which food does the {} eat?",
    "colour": "Of what colour is the {}?",
}
FORM = re.compile(r"It (lives (in|under|on|by) [a-z ]+|eats [a-z ]+|is [a-z]+)\.")
SIZE: dict[str, Any] = {
    "width": 64,
    "layers": 2,
    "heads": 2,
    "context": 64,
    "batch_size": 16,
    "learning_rate": 3e-3,
    "dropout": 0.0,
    "max_tokens": 40,
    "validation_fraction": 0.0,
    "patience": None,
}


def plain() -> list[str]:
    """What there is to read about every animal, in the words of the answers."""
    return [
        f"The {name} lives {place}. It eats {food}. It is {colour}." for name, (place, food, colour) in FACTS.items()
    ] * 20


def pairs(names: tuple[str, ...], otherwise: bool = False) -> list[tuple[str, str]]:
    """Questions about some animals and their answers."""
    return [
        ((OTHERWISE[kind] if otherwise else question).format(name), answer.format(fact))
        for name in names
        for (kind, (question, answer)), fact in zip(ASKED.items(), FACTS[name], strict=True)
    ]


def asked(model: Any, questions: list[tuple[str, str]]) -> dict[str, float]:
    """Shares of exact matches and of answers of the right form."""
    answers = [model.answer(question, temperature=0.0) for question, _ in questions]
    exact = sum(given == answer for given, (_, answer) in zip(answers, questions, strict=True))
    return {
        "n": len(questions),
        "exact": round(exact / len(questions), 3),
        "form": round(sum(FORM.fullmatch(given) is not None for given in answers) / len(questions), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    known, never = NAMES[:8], NAMES[8:]
    learnt = pairs(known)
    letters = "".join(question + answer for question, answer in [*pairs(NAMES), *pairs(NAMES, True)])
    base = zh.GPT(**SIZE, max_steps=args.steps, random_state=args.seed, device="cpu").fit([*plain(), letters])
    results: dict[str, Any] = {"pairs": len(learnt), "steps": args.steps, "base_seconds": round(base.seconds_)}
    for name, changes in (("full", {}), ("lora of rank 8", {"lora": 8, "learning_rate": 1e-2})):
        model = base.finetune(learnt, max_steps=args.steps, random_state=args.seed, **changes)
        results[name] = {
            "seconds": round(model.seconds_),
            "as in training": asked(model, learnt),
            "in other words": asked(model, pairs(known, True)),
            "animals never asked about": asked(model, pairs(never)),
        }
        for question, _ in learnt[:3]:
            print(f"{name}: {question} {model.answer(question, temperature=0.0)}")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
