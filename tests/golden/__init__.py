"""Runs saved by version 0.1.0 as it was in November 2026, which every later version reads: see `make.py`."""
