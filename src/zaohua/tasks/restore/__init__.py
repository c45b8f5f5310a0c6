"""Restoration: repair and enhance pictures, sounds, texts and tables with a model of what they should be like."""
