"""What is proved about the high-precision construction of `constructions.contextual`: see its README.

Words: *numbers* are labels in units of delta, integers; a sequence is *proper* when its columns are distinct grid
columns, *other* when a column is repeated or a coordinate is outside.
"""
