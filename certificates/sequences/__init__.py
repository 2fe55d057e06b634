"""Certificates about given sequences: the search, and what is written (NETWORKS)."""
