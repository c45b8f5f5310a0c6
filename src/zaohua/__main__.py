"""`python -m zaohua`, the same as the command `zaohua`."""

from __future__ import annotations

import sys

from zaohua.cli import main

if __name__ == "__main__":
    sys.exit(main())
