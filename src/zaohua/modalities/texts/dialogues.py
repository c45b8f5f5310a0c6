"""Dialogues: messages that are read, and answers that are learnt.

As an item a dialogue is a list of messages `{"role": ..., "content": ...}`, or a pair (prompt, answer) of texts; in a
`.jsonl` file a line holds either `{"messages": [...]}` or a prompt and an answer under one of the names below.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, cast, get_args

from zaohua.core.errors import ZaohuaError

Role = Literal["system", "user", "assistant"]
PROMPTS, ANSWERS = ("prompt", "question"), ("answer", "completion", "response")
"""Names under which a line of a `.jsonl` keeps a prompt and its answer, tried in this order."""


class Turn(NamedTuple):
    """What one side says."""

    role: Role
    content: str


def is_dialogue(item: Any) -> bool:
    """Whether an item is meant as a dialogue: a list of dicts, or a pair of texts."""
    if isinstance(item, tuple):
        return len(item) == 2 and all(isinstance(part, str) for part in item)
    return isinstance(item, list) and len(item) > 0 and all(isinstance(message, dict) for message in item)


def of_record(record: dict[str, Any]) -> Any:
    """The dialogue that a line of a `.jsonl` holds, as an item; None when it is none."""
    if "messages" in record:
        return record["messages"]
    prompt = next((record[name] for name in PROMPTS if name in record), None)
    answer = next((record[name] for name in ANSWERS if name in record), None)
    return None if prompt is None or answer is None else (prompt, answer)


def turns(item: Any) -> list[Turn]:
    """The turns of a dialogue.

    Raises:
        ZaohuaError: it is no dialogue, or a message has no role or content.
    """
    if isinstance(item, tuple):
        item = [{"role": "user", "content": item[0]}, {"role": "assistant", "content": item[1]}]
    if not is_dialogue(item):
        raise ZaohuaError(
            "a dialogue is a list of messages {'role': ..., 'content': ...} or a pair (prompt, answer), "
            f"not {item!r:.80}"
        )
    for number, message in enumerate(item, 1):
        if message.get("role") not in get_args(Role) or not isinstance(message.get("content"), str):
            raise ZaohuaError(
                f"message {number} needs a role (system, user or assistant) and a text as its content, "
                f"but is {message!r:.80}"
            )
    return [Turn(cast(Role, message["role"]), message["content"]) for message in item]


def taught(item: Any) -> list[Turn]:
    """The turns of a dialogue up to its last answer: behind it there is nothing to learn.

    Raises:
        ZaohuaError: as `turns` does, or nothing in it is an answer.
    """
    said = turns(item)
    while said and said[-1].role != "assistant":
        said.pop()
    if not said:
        raise ZaohuaError("no message is the assistant's, so there is no answer to learn from")
    return said
