"""Data sets of other libraries, turned into items before any kind of data sees them.

They are recognised by what they can do, so that none of these libraries is imported: `datasets.Dataset` by its
`features`, a map-style data set of torch by its length and its indices.
"""
