"""What all tests share."""

from __future__ import annotations

import zaohua  # noqa: F401  before torch, so that its waiting threads sleep: tests share their cores with others
