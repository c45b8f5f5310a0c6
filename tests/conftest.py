"""What all tests share."""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # tests share their cores, and some fork: OpenMP's threads don't survive that

import pytest

import zaohua  # noqa: F401  before torch, since it decides how threads wait


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tell pytest-xdist (`--dist loadgroup`) which tests belong in one process.

    These are the tests of a file, since they share the models that its fixtures train, and of the contract only the
    tests of one model: there are so many that one process would still be at them when all others are through.
    """
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))


def group_of(item: pytest.Item) -> str:
    """The name of the group of a test."""
    case = item.callspec.params.get("case") if hasattr(item, "callspec") else None
    return "-".join([item.path.relative_to(item.config.rootpath).as_posix(), *(case or ())])
