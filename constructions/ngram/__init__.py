"""Induction head and n-gram look-up: what came after the last n symbols, the last time that they stood together."""
