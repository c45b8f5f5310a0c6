"""Bodies of requests as JSON is defined: no NaN, no half characters."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute

from zaohua.core.json import JsonValue


class StrictRequest(Request):
    """Request whose JSON is read strictly."""

    async def json(self) -> JsonValue:
        """Return the body's JSON value.

        Raises:
            JSONDecodeError: it isn't JSON.
        """
        body = await self.body()
        try:
            value = json.loads(body, parse_constant=_refuse)
            if b"\\u" in body:
                json.dumps(value, ensure_ascii=False).encode()  # fails with half of a pair of surrogates
        except (ValueError, RecursionError) as error:
            raise json.JSONDecodeError(type(error).__name__, "", 0) from None
        return value


class StrictRoute(APIRoute):
    """Route that reads JSON strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the usual handler with a strict request."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(StrictRequest(request.scope, request.receive))

        return strict


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
