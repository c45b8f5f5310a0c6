"""Judges of fidelity: small networks that learn from real pairs what belongs to a condition, and then judge samples."""
