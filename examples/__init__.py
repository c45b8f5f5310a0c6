"""Examples: notebooks, and kinds of data of a user's own. A package, since opacus installs one of this name."""
