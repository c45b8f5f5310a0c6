"""Measures of samples: tensors, arrays and frames only, never a model."""
