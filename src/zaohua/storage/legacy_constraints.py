"""Reading constraints of tables of formats 1 and 2, in which each was applied by itself, one after the other.

An order of two columns without missing cells becomes a system of one inequality (see `modalities.tables.constraints`),
and a total or combinations one of their kind. Others can't be converted exactly, and are refused.
"""

from __future__ import annotations

from zaohua.core.json import Json

LARGEST = 1e300
TABLE = 201


class NotConvertible(Exception):
    """Constraints of an earlier format that have no equivalent."""


def converted(codec: Json) -> Json:
    """Convert the constraints in the JSON of a codec; other codecs are returned unchanged.

    Raises:
        NotConvertible: they can't be converted; the message says what to do.
    """
    state = codec.get("state") or {}
    if "constraints" not in state:
        return codec
    old = state["constraints"]
    state = {key: value for key, value in state.items() if key != "constraints"}
    if not old:
        return {**codec, "state": {**state, "system": None}}
    named = [name for each in old for name in each["names"]]
    if any(each["form"] != "less" for each in old) or len(set(named)) < len(named):
        raise NotConvertible(_advice(old))
    columns = list(state["columns"])
    places = {column["name"]: place for place, column in enumerate(columns)}
    lattices, links, coordinates = [], [], [_cell(place) for place in range(len(columns))]
    for part, each in enumerate(old):
        start, end = (places[name] for name in each["names"])
        if columns[start]["missing"] or columns[end]["missing"] or columns[start]["kind"] != "continuous":
            raise NotConvertible(_advice(old))
        gap = columns[end]
        columns[end] = _end(columns[start], gap, each["kept"]["dtype"])
        lattices.append(_lattice(each["text"], [start, end], [columns[start], columns[end]]))
        links.append(_links())
        coordinates[start] = {"column": columns[start], "role": "number", "part": part, "place": 0, "scale": 0.0}
        coordinates[end] = {"column": gap, "role": "number", "part": part, "place": 1, "scale": 1.0}
    system = {
        "width": len(columns),
        "absent": [_absent(column) for column in columns],
        "groups": [],
        "lattices": lattices,
        "links": links,
        "coordinates": coordinates,
        "found": [],
    }
    return {**codec, "state": {**state, "columns": columns, "system": system}}


def _advice(old: list[Json]) -> str:
    texts = ", ".join(repr(each["text"]) for each in old)
    return f"the constraints ({texts}) were learnt by an earlier version in a form that is gone: train it again"


def _cell(place: int) -> Json:
    return {"column": None, "role": "cell", "part": place, "place": 0, "scale": 0.0}


def _absent(column: Json) -> float | None:
    return float(len(column["categories"])) if column["categories"] is not None and column["missing"] else None


def _gaps(gap: Json) -> tuple[float, float]:
    """Return the range of a difference, which may have been learnt as ordered categories."""
    values = [gap["low"], gap["high"]] if gap["categories"] is None else gap["categories"]
    return float(min(values)), float(max(values))


def _end(start: Json, gap: Json, dtype: str) -> Json:
    """Return the column of an end, of which only the difference from the start was stored."""
    least, most = _gaps(gap)
    low, high = start["low"] + least, start["high"] + most
    return {**start, "name": gap["name"], "dtype": dtype, "low": low, "high": high, "step": 0.0, "decimals": None}


def _lattice(text: str, places: list[int], columns: list[Json]) -> Json:
    return {
        "columns": places,
        "mult": [1.0, 1.0],
        "shift": [0.0, 0.0],
        "step": [0.0, 0.0],
        "offset": [0.0, 0.0],
        "low": [column["low"] for column in columns],
        "high": [column["high"] for column in columns],
        "least": [-LARGEST, -LARGEST],
        "most": [LARGEST, LARGEST],
        "decimals": [-1, -1],
        "whole": False,
        "noise": 2.0**-50,
        "margin": 1e-12 * max(abs(columns[1]["low"]), abs(columns[1]["high"])),
        "texts": [text],
        "matrix": [[1.0, -1.0]],
        "bound": [0.0],
        "equal": [False],
        "strict": ["<=" not in text],
    }


def _links() -> Json:
    return {
        "order": [0, 1],
        "derived": [],
        "bases": [[0, []], [1, [[[1.0, 0.0], 0.0]]]],
        "above": [True, True],
        "quantiles": [[0.0] * TABLE] * 2,
        "covariance": [[1.0, 0.0], [0.0, 1.0]],
    }
