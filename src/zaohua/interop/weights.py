"""Conversion of the weights of published transformers to ours, and of ours to theirs; see `names`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.interop.configuration import Plan
from zaohua.interop.names import NAMES, Join
from zaohua.nn.transformer import Transformer

SUFFIXES = (".weight", ".bias")


def empty(plan: Plan, context: int) -> Transformer:
    """Return a network of a plan without memory for its weights."""
    with torch.device("meta"):
        return Transformer(
            plan.vocabulary,
            context=context,
            width=plan.width,
            layers=plan.layers,
            heads=plan.heads,
            architecture=plan.blueprint,
        )


def ours(theirs: Mapping[str, Tensor], plan: Plan, source: str) -> dict[str, Tensor]:
    """Convert published weights to those of our network.

    Args:
        theirs: tensors by their names, which may be loaded as they are asked for.
        plan: which network they belong to.
        source: where they come from, for messages.

    Raises:
        ZaohuaError: a tensor is missing, has another shape or isn't finite, or one isn't known.
    """
    names, shapes = NAMES[plan.kind], _shapes(plan)
    given = {full_name(name, plan): name for name in theirs if not name.endswith(names.unread)}
    found: dict[str, Tensor] = {}
    for join in names.joins(plan.layers):
        for suffix in SUFFIXES:
            mine = [name + suffix for name in join.ours]
            if mine[0] not in shapes or (mine[0] == "head.weight" and plan.blueprint.tied):
                continue
            parts = [_tensor(theirs, given, name + suffix, source) for name in join.theirs]
            whole = _change(torch.cat(parts) if len(parts) > 1 else parts[0], join, plan, to_ours=True, source=source)
            sizes = [shapes[name][0] for name in mine]
            if sum(sizes) != len(whole):
                raise ZaohuaError(f"{source}: {join.theirs[0]}{suffix} has {len(whole)} rows, not {sum(sizes)}")
            found.update(zip(mine, whole.split(sizes), strict=True))
    _check(found, shapes, source)
    if plan.blueprint.tied:
        _tied(theirs, given, found, names.outer, source)
        found["head.weight"] = found["tokens.weight"]
    if given:
        raise ZaohuaError(f"{source}: {min(given)} isn't a weight of {plan.kind}: this is another kind of model")
    return found


def theirs(mine: Mapping[str, Tensor], plan: Plan) -> dict[str, Tensor]:
    """Convert the weights of our network to published names; undoes `ours`."""
    found: dict[str, Tensor] = {}
    for join in NAMES[plan.kind].joins(plan.layers):
        for suffix in SUFFIXES:
            own = [name + suffix for name in join.ours]
            if own[0] not in mine or (own[0] == "head.weight" and plan.blueprint.tied):
                continue
            whole = torch.cat([mine[name] for name in own]) if len(own) > 1 else mine[own[0]]
            whole = _change(whole, join, plan, to_ours=False, source="")
            parts = whole.split(sizes_of(join, plan, len(whole)))
            found |= {name + suffix: part.contiguous() for name, part in zip(join.theirs, parts, strict=True)}
    return found


def sizes_of(join: Join, plan: Plan, rows: int) -> list[int]:
    """Return the rows of each of their tensors in a join."""
    if len(join.theirs) == 1:
        return [rows]
    return [n * plan.head_width for n in (plan.heads, plan.kv_heads, plan.kv_heads)]


def _shapes(plan: Plan) -> dict[str, torch.Size]:
    """Return the shapes of our network's weights by their names."""
    return {name: value.shape for name, value in empty(plan, plan.context).state_dict().items()}


def full_name(name: str, plan: Plan) -> str:
    """Return a name with the beginning that files may lack."""
    names = NAMES[plan.kind]
    name = names.older.get(name, name)
    known = {*(part for join in names.outer for part in join.theirs if "." not in part)}
    begun = name.startswith(names.optional) or name.rsplit(".", 1)[0] in known
    return name if begun else names.optional + name


def _tensor(theirs: Mapping[str, Tensor], given: dict[str, str], name: str, source: str) -> Tensor:
    """Take a tensor by its full name."""
    if name not in given:
        raise ZaohuaError(f"{source}: the weight {name} is missing: the files are incomplete, or of another model")
    return theirs[given.pop(name)]


def _change(x: Tensor, join: Join, plan: Plan, *, to_ours: bool, source: str) -> Tensor:
    """Bring a matrix into our order, or into theirs."""
    if join.change is None:
        return x
    try:
        return (join.change.ours if to_ours else join.change.theirs)(x, plan)
    except RuntimeError:
        raise ZaohuaError(f"{source}: {join.theirs[0]} has the wrong shape, {tuple(x.shape)}") from None


def _check(found: Mapping[str, Tensor], shapes: Mapping[str, torch.Size], source: str) -> None:
    """Check that tensors have the right shapes, and numbers."""
    for name, value in found.items():
        if value.shape != shapes[name]:
            raise ZaohuaError(f"{source}: the weight for {name} is {tuple(value.shape)}, not {tuple(shapes[name])}")
        if not bool(torch.isfinite(value).all()):
            raise ZaohuaError(f"{source}: the weight for {name} has infinite numbers or none: the file is damaged")


def _tied(
    theirs: Mapping[str, Tensor], given: dict[str, str], found: Mapping[str, Tensor], outer: Iterable[Join], source: str
) -> None:
    """Take the matrix of logits where a file has it, too; it must be that of the embedding."""
    head = next(join.theirs[0] for join in outer if join.ours == ("head",)) + ".weight"
    if head in given and not torch.equal(theirs[given.pop(head)], found["tokens.weight"]):
        raise ZaohuaError(f"{source}: {head} should be the embedding, and isn't: see tie_word_embeddings")
