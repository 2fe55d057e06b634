"""Certificates about attention kernels of a recipe (KERNELS)."""
