"""What routes share: how requests are read and refused, and how answers are written."""
