"""Records of named conditions: a text and a speaker, the columns of a data frame."""
