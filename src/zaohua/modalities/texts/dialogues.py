"""Dialogues as training items: models learn the answers, given the other messages.

A dialogue is a list of messages `{"role": ..., "content": ...}`, or a pair (prompt, answer) of texts. A line of a
`.jsonl` file holds either `{"messages": [...]}` or a prompt and an answer under one of the names below.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias, cast, get_args

from typing_extensions import TypeIs

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json

Role = Literal["system", "user", "assistant"]
Dialogue: TypeAlias = tuple[str, str] | list[dict[str, str]]
"""A dialogue as a training item: a prompt and its answer, or messages with `role` and `content`."""
PROMPTS, ANSWERS = ("prompt", "question"), ("answer", "completion", "response")
"""Keys of a prompt and its answer in a line of a `.jsonl` file, tried in this order."""


class Turn(NamedTuple):
    """Message of one side."""

    role: Role
    content: str


def is_dialogue(item: object) -> TypeIs[Dialogue]:
    """Return True if an item has the form of a dialogue: a list of dicts, or a pair of texts."""
    if isinstance(item, tuple):
        return len(item) == 2 and all(isinstance(part, str) for part in item)
    return isinstance(item, list) and len(item) > 0 and all(isinstance(message, dict) for message in item)


def from_record(record: Json) -> object:
    """Return the dialogue in a record of a `.jsonl` file; None if it doesn't hold one."""
    if "messages" in record:
        return record["messages"]
    prompt = next((record[name] for name in PROMPTS if name in record), None)
    answer = next((record[name] for name in ANSWERS if name in record), None)
    return None if prompt is None or answer is None else (prompt, answer)


def turns(item: object) -> list[Turn]:
    """Return the turns of a dialogue.

    Raises:
        ZaohuaError: it isn't a dialogue, or a message lacks a role or content.
    """
    if not is_dialogue(item):
        raise ZaohuaError(
            "a dialogue must be a list of messages {'role': ..., 'content': ...} or a pair (prompt, answer), "
            f"not {item!r:.80}"
        )
    if isinstance(item, tuple):
        return [Turn("user", item[0]), Turn("assistant", item[1])]
    for number, message in enumerate(item, 1):
        if message.get("role") not in get_args(Role) or not isinstance(message.get("content"), str):
            raise ZaohuaError(
                f"message {number} needs a role (system, user or assistant) and a text as its content, "
                f"but is {message!r:.80}"
            )
    return [Turn(cast(Role, message["role"]), message["content"]) for message in item]


def up_to_last_answer(item: object) -> list[Turn]:
    """Return the turns of a dialogue up to its last answer, after which there is nothing to learn.

    Raises:
        ZaohuaError: as in `turns`, or there is no answer.
    """
    messages = turns(item)
    while messages and messages[-1].role != "assistant":
        messages.pop()
    if not messages:
        raise ZaohuaError("no message is the assistant's, so there is no answer to learn from")
    return messages
