# Symbol, direction (0 is left), state; -1 halts.
machine = [
    [(1, 1, 1), (1, 0, 1)],
    [(1, 0, 0), (0, 0, 2)],
    [(1, 1, -1), (1, 0, 3)],
    [(1, 1, 3), (0, 1, 0)],
]
