"""What is decided about a network: exact evaluation, rounding, and the solver behind one facade."""
