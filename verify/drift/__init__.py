"""How far activations may be from those of the hardmax network without changing a token (SPEC 20)."""
