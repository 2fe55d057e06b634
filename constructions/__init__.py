"""Machines, and the transformers that the published constructions make of them."""
