"""Data behind addresses such as `https://...`, `s3://...` or `hf://datasets/...`, fetched once, then read as files."""
