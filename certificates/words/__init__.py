"""Certificates about all words of a language, up to a length: the search, and what is written (WORDS)."""
