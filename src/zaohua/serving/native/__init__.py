"""Routes of our own, for every kind of data."""
