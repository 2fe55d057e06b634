"""Machines, and the transformers that the published constructions make from them."""
