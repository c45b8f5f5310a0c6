"""The solvers of restoration, of which the first that can serve a request is taken.

A solver is a module of this folder, with

    NEEDS                         what it asks of a model, in words: "a denoiser"
    suits(model) -> bool          whether a model has the primitives that it needs
    can(request) -> str | None    why it can't serve the request with a model that suits it, in a clause; None if it can
    solve(request) -> Restored

A new one is a file, and its name in `SOLVERS`.
"""

from __future__ import annotations

import importlib
from typing import Protocol, cast

from zaohua.core.errors import ZaohuaError, unknown
from zaohua.estimator.base import GenerativeModel
from zaohua.tasks.restore.request import Request
from zaohua.tasks.restore.restored import Restored

SOLVERS = ("trained", "trained_sounds", "sound_denoiser", "autoregressive", "denoiser", "completion", "latents")
"""Names of all solvers, best first."""


class Solver(Protocol):
    """Module that solves requests."""

    NEEDS: str

    def suits(self, model: GenerativeModel) -> bool:
        """Return whether a model has the primitives that are needed."""
        ...

    def can(self, request: Request) -> str | None:
        """Return why a request can't be served; None if it can."""
        ...

    def solve(self, request: Request) -> Restored:
        """Restore what is asked for."""
        ...


def solver_named(name: str) -> Solver:
    """Import a solver.

    Raises:
        ZaohuaError: there is none of this name.
    """
    if name not in SOLVERS:
        raise unknown("solver", name, SOLVERS)
    return cast(Solver, importlib.import_module(f"zaohua.tasks.restore.{name}"))


def choose(request: Request, name: str | None = None) -> Solver:
    """Return the solver for a request.

    Args:
        request: what is asked for.
        name: name of the solver to take; None for the first that can.

    Raises:
        ZaohuaError: none can; the message says why.
    """
    reasons, kind = [], type(request.model).__name__
    for solver in map(solver_named, SOLVERS if name is None else (name,)):
        if not solver.suits(request.model):
            continue
        reason = solver.can(request)
        if reason is None:
            return solver
        reasons.append(reason)
    if reasons:
        raise ZaohuaError(f"this {kind} can't restore that: {'; '.join(dict.fromkeys(reasons))}")
    needs = " or ".join(solver_named(solver).NEEDS for solver in (SOLVERS if name is None else (name,)))
    raise ZaohuaError(f"a {kind} can't restore: it would need {needs}, as e.g. a Flow has (`zaohua models`)")
