"""Certificates about all words of a language, up to a length (WORDS)."""
