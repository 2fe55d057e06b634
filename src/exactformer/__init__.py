"""Formal verification, in exact arithmetic, of what low-precision softmax transformers compute."""
