"""SUBLEQ: a computer with one instruction, its program and memory in the prompt, one step for each token."""
