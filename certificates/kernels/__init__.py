"""Certificates about attention kernels of a recipe: recipes as texts, the search, and what is written (KERNELS)."""
