"""Degradations: operators and noise, one after the other, and what a solver needs to undo them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError, named
from zaohua.core.noise import Noise
from zaohua.operators.base import Observation, Operator, Sigma
from zaohua.operators.chain import chained
from zaohua.operators.noise import NoiseStep
from zaohua.operators.step import Units
from zaohua.operators.texts import EXAMPLE, read_steps


@dataclass(frozen=True)
class Degradation:
    """Operators and noise, one after the other, such as "downscale 4 | noise 10".

    Attributes:
        steps: the first is applied first.
    """

    steps: tuple[Operator | NoiseStep, ...]

    def __post_init__(self) -> None:
        """Check the steps, so that a wrong value is found before any work.

        Raises:
            ZaohuaError: a step is none, or has a wrong value.
        """
        if not self.steps:
            raise ZaohuaError(f"a degradation needs a step: write it like {EXAMPLE}")
        for step in self.steps:
            if not isinstance(step, (Operator, NoiseStep)):
                raise ZaohuaError(f"a step of a degradation is an operator or noise, not {named(step)}")
            step.check()

    @classmethod
    def parse(cls, text: str | Degradation) -> Degradation:
        """Read a degradation from text; one that is read already stays as it is.

        Steps are separated by "|". Each is a name, then values in their order or as field=value, in the items' own
        units: "blur 1.5 | noise sigma=10".

        Raises:
            ZaohuaError: the text names an unknown step or value, or a value is out of bounds.
        """
        if isinstance(text, Degradation):
            return text
        if not isinstance(text, str):
            raise ZaohuaError(f"a degradation is a text like {EXAMPLE}, not {named(text)}")
        steps = read_steps(text)
        return cls(tuple(step for step in steps if isinstance(step, (Operator, NoiseStep))))

    def __str__(self) -> str:
        """Write the degradation as text, from which `parse` reads the same."""
        return " | ".join(map(str, self.steps))

    def in_units(self, units: Units) -> Degradation:
        """Return the degradation of tensors, given values in the items' own units."""
        return Degradation(tuple(step.in_units(units) for step in self.steps))

    @property
    def operators(self) -> tuple[Operator, ...]:
        """The operators, without the noise."""
        return tuple(step for step in self.steps if isinstance(step, Operator))

    def before(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of items of which a shape is seen."""
        return chained(self.operators).before(shape)

    def drawn(self, shape: tuple[int, ...], noise: Noise) -> Degradation:
        """Return the degradation with its random choices made, such as where values are hidden.

        Args:
            shape: shape of the items, (C, *axes).
            noise: source of random numbers for the items.
        """
        drawn: list[Operator | NoiseStep] = []
        for step in self.steps:
            drawn.append(step.drawn(shape, noise))
            shape = _after(drawn[-1], shape)
        return Degradation(tuple(drawn))

    def __call__(self, x: Tensor, noise: Noise) -> Tensor:
        """Degrade items (B, C, *axes), with choices and noise drawn anew; this is what training needs."""
        for step in self.drawn(tuple(x.shape[1:]), noise).steps:
            x = step(x) if isinstance(step, Operator) else step(x, noise)
        return x

    def observe(self, x: Tensor, noise: Noise) -> Observation:
        """Degrade items (B, C, *axes), and return what a solver is told: all that was drawn, but not the noise.

        What is seen is what a call of the degradation with the same noise returns.

        Raises:
            ZaohuaError: no solver can undo it, see `obstacle`. Training doesn't mind: call the degradation itself.
        """
        shape = tuple(x.shape[1:])
        drawn = self.drawn(shape, noise)
        for step in drawn.steps:
            x = step(x) if isinstance(step, Operator) else step(x, noise)
        return drawn.inverse_problem(x, shape)

    def obstacle(self, shape: tuple[int, ...]) -> str:
        """Say in a clause why a model that wasn't trained for it can't undo it; empty if it can.

        Args:
            shape: shape of the items, (C, *axes).
        """
        for place, step in enumerate(self.steps):
            if step.chooses:
                return f"where '{step}' changed values isn't known"
            later = self.steps[place + 1 :]
            if isinstance(step, NoiseStep):
                operators = [other for other in later if isinstance(other, Operator)]
                if later and step.must_be_last:
                    return f"'{step}' comes before '{later[0]}', after which it can't be found"
                if operators and self._noise_after(place, shape) is None:
                    return f"'{step}' comes before '{operators[0]}', after which it is no independent noise"
            elif not step.linear:
                noise = next((other for other in later if isinstance(other, NoiseStep)), None)
                if noise is not None:
                    return f"'{noise}' comes after '{step}', which isn't linear"
            shape = _after(step, shape)
        return chained(self.operators).obstacle(shape)

    def inverse_problem(self, seen: Tensor, shape: tuple[int, ...]) -> Observation:
        """Return what a solver is told: what is seen, the operator, and the noise's standard deviation.

        Args:
            seen: observations (B, ...) in units of tensors.
            shape: shape of the items, (C, *axes).

        Raises:
            ZaohuaError: no solver can undo it, see `obstacle`.
        """
        obstacle = self.obstacle(shape)
        if obstacle:
            raise ZaohuaError(f"a model that wasn't trained to undo '{self}' can't: {obstacle}")
        operators, sigmas = [*self.operators], []
        for place, step in enumerate(self.steps):
            if isinstance(step, NoiseStep):
                after = self._noise_after(place, shape)
                sigmas.append(step.deviation(seen) if after is None else after)
                operators += [] if (mask := step.mask(seen)) is None else [mask]
            shape = _after(step, shape)
        return Observation(seen, chained(operators), _sum(sigmas))

    def _noise_after(self, place: int, shape: tuple[int, ...]) -> Sigma | None:
        """Return the standard deviation that even noise at a place has in the observation.

        Args:
            place: place of the noise among the steps.
            shape: shape of what the noise is added to.

        Returns:
            The standard deviation; None if the noise is uneven, or no longer independent from value to value.
        """
        step = self.steps[place]
        even = step.even if isinstance(step, NoiseStep) else None
        later = tuple(step for step in self.steps[place + 1 :] if isinstance(step, Operator))
        return None if even is None else chained(later).noise_after(even, shape)


def _after(step: Operator | NoiseStep, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of what a step makes of items of a shape."""
    return step.after(shape) if isinstance(step, Operator) else shape


def _sum(sigmas: Sequence[Sigma]) -> Sigma:
    """Return the standard deviation of the sum of independent noises."""
    if not sigmas:
        return 0.0
    if all(isinstance(sigma, float) for sigma in sigmas):
        return math.hypot(*(float(sigma) for sigma in sigmas))
    return torch.stack(torch.broadcast_tensors(*(torch.as_tensor(sigma) for sigma in sigmas))).square().sum(0).sqrt()
