"""The softmax network in one arithmetic, evaluated in exact numbers on given token sequences (README.md)."""
