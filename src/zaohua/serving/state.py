"""What the parts of a running server know of one another, and what is known of each request."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

from starlette.datastructures import Headers
from starlette.types import Message

Rejection = Literal["head", "host", "origin", "key", "size", "encoding", "late_body", "queue", "held"]
"""Why a request was refused before it reached a route."""


@dataclass
class State:
    """State of a server.

    Attributes:
        draining: whether it is about to stop.
        in_work: requests that are being worked on.
        held: bytes of the bodies of requests that are being read or worked on.
        seconds: mean time that the last requests took; newer ones weigh more.
    """

    draining: bool = False
    in_work: int = 0
    held: int = 0
    seconds: float = 0.0

    def took(self, seconds: float) -> None:
        """Note how long a request took."""
        self.seconds = 0.9 * self.seconds + 0.1 * seconds if self.seconds else seconds

    @property
    def retry_after(self) -> int:
        """Return seconds after which there may be a place, between 1 and 60."""
        return int(min(max(self.seconds, 1.0), 60.0))


@dataclass
class Visit:
    """What is known of the request that is being answered.

    Attributes:
        id: its id, which the answer and the log name.
        model: id of the model that it asked for; empty until that is known.
        rejected: why it was refused before it reached a route; empty if it wasn't.
        aborted: whether the client left before the answer was complete.
    """

    id: str
    model: str = ""
    rejected: Rejection | Literal[""] = ""
    aborted: bool = False


VISIT: ContextVar[Visit] = ContextVar("visit")
"""The request that is being answered, in its task and those that it starts."""


@dataclass
class Answered:
    """How far an answer is.

    Attributes:
        status: its status; 0 before it has begun.
        stream: whether it is a stream of events.
        complete: whether its end was sent.
    """

    status: int = 0
    stream: bool = False
    complete: bool = False

    def note(self, message: Message) -> Message:
        """Note a message of the answer, and return it."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.stream = Headers(raw=message["headers"]).get("content-type", "").startswith("text/event-stream")
        elif message["type"] == "http.response.body":
            self.complete = not message.get("more_body", False)
        return message
