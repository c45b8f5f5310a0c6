"""Constraints of a table, which are parsed, checked, learnt and solved together, as one system.

parsing.py         texts of constraints
lattice.py         linked numbers and dates in common units, and the constraints as linear inequalities
solving.py         values that satisfy them, near to wished ones
links.py           coordinates of linked numbers
combinations.py    columns of which only known combinations are valid
checks.py          contradictions, named
system.py          all of them
"""
