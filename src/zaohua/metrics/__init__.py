"""Metrics of samples, computed from tensors, arrays and data frames; nothing here knows a model."""
