"""Errors as OpenAI's clients read them: a status and `{"error": {"message", "type", "param", "code"}}`.

No message repeats what the client sent, so that nothing that can't be encoded, and nothing of another's, comes back.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from zaohua.core.errors import NotAvailable, ZaohuaError
from zaohua.core.json import Json
from zaohua.serving.work import Full

LOG = logging.getLogger("zaohua.serving")
TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "unavailable_error",
}
"""Type of the error of a status; other client errors are of that of 400, and other server errors `server_error`."""
LONGEST = 500
"""Maximum number of characters of a message or a parameter's name."""


class ApiError(Exception):
    """An answer that says why there is no other.

    Attributes:
        status: HTTP status.
        message: what is wrong, and what to do.
        param: name of the field of the request that is wrong.
        code: short name of the error, which programs compare.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code, self.headers = status, message, param, code, headers or {}

    def body(self) -> Json:
        """Return the error as JSON."""
        kind = TYPES.get(self.status, TYPES[400] if self.status < 500 else "server_error")
        error = {"message": plain(self.message), "type": kind, "param": self.param, "code": self.code}
        return {"error": error}

    def response(self) -> JSONResponse:
        """Return the error as an answer."""
        return JSONResponse(self.body(), self.status, headers=dict(self.headers))


class ErrorFacts(BaseModel):
    """What is wrong with a request."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """Answer to a request that isn't done."""

    error: ErrorFacts


ANSWERS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "The request can't be done; the message says why."},
    "5XX": {"model": ErrorBody, "description": "The server failed."},
}
"""Errors as each route's description names them."""


def plain(text: str) -> str:
    """Return a text in one line, without what can't be encoded, and not too long."""
    text = " ".join(text.encode("utf-8", "replace").decode().split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."


def invalid(param: str, message: str, code: str = "invalid_value") -> ApiError:
    """Return the error of a field of the request."""
    return ApiError(400, f"{param}: {message}", param, code)


def as_answer(error: Exception) -> ApiError:
    """Return what a client is told of any error; what only the log may know is written there."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, Full):
        return ApiError(429, str(error), code="queue_full", headers={"Retry-After": str(error.retry_after)})
    if isinstance(error, NotAvailable):
        return ApiError(400, str(error), code="not_supported")
    if isinstance(error, ZaohuaError):
        return ApiError(400, str(error), code="invalid_value")
    if isinstance(error, TimeoutError):
        return ApiError(503, "the request took too long: ask for less", code="timeout")
    LOG.error("a request failed", exc_info=error)
    return ApiError(500, "the server failed: its log says why", code="internal_error")


def install(app: FastAPI) -> None:
    """Let an application answer all errors in this form."""

    async def known(request: Request, error: Exception) -> JSONResponse:
        return as_answer(error).response()

    async def malformed(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return _malformed(error).response()

    async def by_status(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return _by_status(error).response()

    for kind in (ApiError, Full, ZaohuaError, TimeoutError, Exception):
        app.add_exception_handler(kind, known)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, by_status)


def _malformed(error: RequestValidationError) -> ApiError:
    """Return the error of a request that isn't as its route describes it; names its first fault."""
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return ApiError(400, "the body isn't valid JSON", code="invalid_json")
    places = [str(place) for place in first["loc"] if place not in ("body", "path", "query")]
    param = plain(".".join(places).encode("ascii", "replace").decode())[:100] or None
    code = "missing_field" if first["type"] == "missing" else "invalid_value"
    return ApiError(400, f"{param or 'the body'}: {first['msg']}", param, code)


def _by_status(error: HTTPException) -> ApiError:
    """Return the error of a request that reached no route, or that the framework refused."""
    messages = {404: "there is no such route: see /docs", 405: "this route has no such method: see /docs"}
    message = messages.get(error.status_code, str(error.detail))
    code = {404: "unknown_route", 405: "unknown_method", 413: "too_large"}.get(error.status_code)
    return ApiError(error.status_code, message, code=code, headers=error.headers)
