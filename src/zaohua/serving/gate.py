"""The whole server as one ASGI application: the routes, behind everything that keeps them alive.

A request passes, from the outside in: its id and the form of failures, the routes that anybody may ask for, host and
origin, the key, the facts for those with a key, then size and queue before its body is read, and at last the race of
its work against its client's patience.
"""

from __future__ import annotations

import asyncio
import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zaohua.serving.app import create_app
from zaohua.serving.limits.access import guarded
from zaohua.serving.limits.answers import Answers, raw
from zaohua.serving.limits.body import Bodies, busy
from zaohua.serving.operation.answering import Answering, facts, health
from zaohua.serving.operation.metered import MeteredShelf
from zaohua.serving.operation.metrics import Metrics
from zaohua.serving.settings import Settings
from zaohua.serving.state import State
from zaohua.serving.work import Shelf

LOG = logging.getLogger("zaohua.serving")
CLOSING = 2.0
"""Seconds that models may take to end, when no request is left: one may be loading still."""


class Gate:
    """The server's application, with all of its limits.

    Args:
        shelf: the served models, which are loaded when the server starts, and closed when it ends.
        settings: the server's settings.
        routes: the application behind the limits; by default the one with all routes.
    """

    def __init__(self, shelf: Shelf, settings: Settings, routes: ASGIApp | None = None) -> None:
        self.settings, self.state, self.metrics, self.closed = settings, State(), Metrics(), False
        self._passing = 0  # requests that came in this turn of the event loop
        self.metrics.in_work.set_function(lambda: self.state.in_work)
        self.shelf = MeteredShelf(shelf, self.metrics)
        self.routes = create_app(self.shelf, settings) if routes is None else routes
        told = self.metrics.text if settings.metrics else None
        app: ASGIApp = Bodies(self.routes, settings, self.state, self.full)
        app = guarded(Answering(app, facts(told)), settings)
        app = Answering(app, health(self.ready))
        self.app = Answers(app, self.state, self.metrics.report)

    def ready(self) -> bool:
        """Return whether the models are there, and the server isn't about to stop."""
        return self.shelf.ready and not self.state.draining

    def free(self) -> int:
        """Return the number of requests for which there may be a place.

        Which model a request asks for isn't known before it is read: the model with most places counts.
        """
        engines, cards, places = self.shelf.loaded.values(), len(self.shelf.cards), self.settings.queue
        most = max((places - engine.running - engine.waiting for engine in engines), default=places)
        return min(most if len(engines) == cards else places, places * cards - self.state.in_work)

    def full(self) -> int | None:
        """Return seconds after which a request may find a place; None if there is one now."""
        return None if self.free() > 0 else self.state.retry_after

    def refusal(self) -> bytes | None:
        """Return the answer to a request when there is no place, which costs next to nothing; None if there is one.

        In an overload most of the work would be to parse what is refused. Requests that come in one turn of the event
        loop are counted here, because they take their places in the next. Scripts of other sites need headers of their
        own in each answer: if they may call, this is left to `Bodies`.
        """
        if self.settings.origins:
            return None
        if self._passing < self.free():
            if not self._passing:
                asyncio.get_running_loop().call_soon(self._turn)
            self._passing += 1
            return None
        self.metrics.rejected.labels("queue").inc()
        return raw(busy(self.state.retry_after))

    def _turn(self) -> None:
        """Forget the requests of the last turn, which take their places now."""
        self._passing = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or begin or end the server's life."""
        if scope["type"] == "http":
            await self.app(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin to load the models when the server has started, and close them at its end."""

        async def telling(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                await self.shelf.start()
            elif message["type"].startswith("lifespan.shutdown"):
                await self._close()
            await send(message)

        await self.routes(scope, receive, telling)

    async def _close(self) -> None:
        """Close the models; a moment is enough, as no request is left."""
        try:
            async with asyncio.timeout(CLOSING):
                await self.shelf.close()
                self.closed = True
        except TimeoutError:
            LOG.warning("a model is still at work: the server doesn't wait for it")
