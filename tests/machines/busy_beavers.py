"""Known busy beavers, as the literature gives them; the squares they reach were counted by another program."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Beaver:
    """A machine in the standard text format and its run from the blank tape."""

    title: str
    text: str
    steps: int
    marks: int
    leftmost: int
    rightmost: int

    def __str__(self) -> str:
        return self.title


BEAVERS = (
    Beaver("2 states, 2 symbols", "1RB1LB_1LA1RZ", 6, 4, -2, 1),
    Beaver("3 states, most steps", "1RB1RZ_1LB0RC_1LC1LA", 21, 5, -1, 3),
    Beaver("3 states, most marks", "1RB1RZ_0RC1RB_1LC1LA", 14, 6, -1, 4),
    Beaver("4 states, 2 symbols", "1RB1LB_1LA0LC_1RZ1LD_1RD0RA", 107, 13, -10, 3),
    Beaver("2 states, 3 symbols", "1RB2LB1RZ_2LA2RB1LB", 38, 9, -6, 2),
)
