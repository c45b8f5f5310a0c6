"""Whether a model is any good, and which of several is better."""
