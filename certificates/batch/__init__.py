"""Many certificates at once: machines, arithmetics and contexts, each with each.

work   one of them: made, or checked, from values to values
rows   what comes of it, as lines of a file that a later command reads again, and as rows of a table
run    all of them, by a pool, however many were finished before
"""
