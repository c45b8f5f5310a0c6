"""Dialogues as training items: models learn the answers, given the other messages.

A dialogue is a list of messages `{"role": ..., "content": ...}`, or a pair (prompt, answer) of texts. The forms of
OpenAI, ShareGPT (`from` and `value`) and Gemini (`parts`) are read. A message whose `weight` is 0 is read, not learnt.
What isn't read of a message is counted (see `Tally`), and what can't be honoured is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from typing_extensions import TypeIs

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json, JsonValue
from zaohua.modalities.texts.tally import Tally

Role = Literal["system", "user", "assistant", "tool"]
Dialogue: TypeAlias = tuple[str, str] | list[Json]
"""A dialogue as a training item: a prompt and its answer, or messages with `role` and `content`."""
ROLES: dict[str, Role] = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "model", "function_call", "tool_call"), "assistant"),
    **dict.fromkeys(("tool", "function", "ipython", "observation", "function_response", "tool_response"), "tool"),
}
"""Roles, by the names that data sets give them. What a tool says is read like what the user says."""
ROLE_KEYS, CONTENT_KEYS = ("role", "from"), ("content", "value", "text", "parts")
"""Keys of the role and the content of a message, tried in this order."""
WEIGHTS = ("weight", "loss", "train")
"""Keys of a message, or a whole record, that say whether it is learnt: 0 or false, 1 or true."""


class Turn(NamedTuple):
    """Message of one side.

    Attributes:
        role: whose it is.
        content: its text.
        learnt: whether a model learns it.
    """

    role: Role
    content: str
    learnt: bool


def is_dialogue(item: object) -> TypeIs[Dialogue]:
    """Return True if an item has the form of a dialogue: a list of dicts, or a pair of texts."""
    if isinstance(item, tuple):
        return len(item) == 2 and all(isinstance(part, str) for part in item)
    return isinstance(item, list) and len(item) > 0 and all(isinstance(message, dict) for message in item)


def is_message(item: object) -> TypeIs[Json]:
    """Return True if an item has the form of one message of a dialogue."""
    return isinstance(item, dict) and any(key in item for key in ROLE_KEYS) and any(key in item for key in CONTENT_KEYS)


def weight(record: Json) -> bool | None:
    """Return whether a record is to be learnt; None if it doesn't say.

    Raises:
        ZaohuaError: its weight is neither 0 nor 1.
    """
    for key in WEIGHTS:
        value = record.get(key)
        if value is None:
            continue
        if isinstance(value, (bool, int, float)) and value in (0, 1):
            return bool(value)
        raise ZaohuaError(f"{key} {value!r:.40} can't be honoured: give 1 (learnt) or 0 (not learnt), or leave it out")
    return None


def turns(item: object, tally: Tally | None = None) -> list[Turn]:
    """Return the turns of a dialogue. Messages without content are left out.

    Args:
        item: a pair of texts, or messages.
        tally: counts what is left out.

    Raises:
        ZaohuaError: it isn't a dialogue, or a message lacks a known role or content, or has a fractional weight.
    """
    if not is_dialogue(item):
        raise ZaohuaError(
            "a dialogue must be a list of messages {'role': ..., 'content': ...} or a pair (prompt, answer), "
            f"not {item!r:.80}"
        )
    if isinstance(item, tuple):
        return [Turn("user", item[0], False), Turn("assistant", item[1], True)]
    return list(_turns(item, Tally() if tally is None else tally))


def _turns(messages: list[Json], tally: Tally) -> Iterator[Turn]:
    for number, message in enumerate(messages, 1):
        role_key = next((key for key in ROLE_KEYS if key in message), "role")
        role = ROLES.get(str(message.get(role_key)).casefold())
        content_key = next((key for key in CONTENT_KEYS if key in message), None)
        if role is None or content_key is None:
            raise ZaohuaError(
                f"message {number} needs a role (system, user, assistant or tool) and a content, but is {message!r:.80}"
            )
        try:
            learnt, content = weight(message), _content(message[content_key], tally)
        except ZaohuaError as error:
            raise ZaohuaError(f"message {number}: {error}") from None
        tally.unread(message, (role_key, content_key, *WEIGHTS), " of messages")
        if content is None:
            tally.add("left out", "message", " without text")
            continue
        if role == "tool":
            tally.add("read", "message", " of tools as the user's")
        if learnt and role != "assistant":
            tally.add("didn't learn", "message", " of others than the assistant, though of weight 1")
        yield Turn(role, content, role == "assistant" and learnt is not False)


def _content(value: JsonValue, tally: Tally) -> str | None:
    """Return the text of a message's content: a text, or the texts among its parts; None if there is none."""
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise ZaohuaError(f"its content must be a text or a list of parts, not {value!r:.60}")
    texts = []
    for part in value:
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(text, str):
            texts.append(text)
        elif isinstance(part, dict):
            tally.add("left out", "part", f" of messages of type {str(part.get('type', 'unknown'))[:40]}")
        else:
            raise ZaohuaError(f"a part of its content must be a text or {{'type', 'text'}}, not {part!r:.60}")
    return "".join(texts) if texts else None


def up_to_last_answer(item: object, tally: Tally | None = None) -> list[Turn]:
    """Return the turns of a dialogue up to its last answer that is learnt.

    Raises:
        ZaohuaError: as in `turns`, or there is no answer.
    """
    messages = turns(item, tally)
    while messages and not messages[-1].learnt:
        messages.pop()
    if not messages:
        raise ZaohuaError("no message is the assistant's (or all have weight 0), so there is no answer to learn from")
    return messages


def asked(messages: object) -> list[Turn]:
    """Return the turns of messages that are to be answered; a text is the only message, the user's.

    Raises:
        ZaohuaError: as in `turns`, or the last message isn't the user's.
    """
    if isinstance(messages, str):
        return [Turn("user", messages, False)]
    found = turns(messages)
    if not found or found[-1].role not in ("user", "tool"):
        last = f"is the {found[-1].role}'s" if found else "there is none"
        raise ZaohuaError(f"the last message must be the user's, but {last}")
    return found
