"""Differential privacy: what is promised, how noise is added, and what it costs."""
