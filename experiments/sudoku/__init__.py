"""Small transformers trained on traces of a Sudoku search, with and without summaries: see README.md."""
