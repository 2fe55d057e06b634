"""Sudoku: the search by backtracking, and the Turing machines that do it."""
