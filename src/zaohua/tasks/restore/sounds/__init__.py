"""Restoration of sounds: their gaps, their levels, and recordings of any length, rate and number of channels."""
