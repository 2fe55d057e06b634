"""SUBLEQ programs as text, and a few of them.

A program is a list of words, separated by spaces. A word is a number, a label, a label plus or minus a number, or `?`.
`name:` makes the next word's address a label; `?` is the address after its own; `#` begins a comment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORD = re.compile(r"(?:([A-Za-z_]\w*)([+-]\d+)?)|(-?\d+)|(\?)", re.ASCII)


@dataclass(frozen=True)
class Program:
    """``memory`` from address 0 on, where the program begins; the addresses of ``labels``."""

    memory: tuple[int, ...]
    labels: dict[str, int]


def assemble(text: str) -> Program:
    """The program of a text.

    Raises ValueError for something that is not a word, or a label that is not defined.

    >>> assemble("loop: one x ?  zero zero loop  x: 3 one: 1 zero: 0").memory
    (7, 6, 3, 8, 8, 0, 3, 1, 0)
    """
    words, labels = list[str](), dict[str, int]()
    for line in text.splitlines():
        for word in line.partition("#")[0].split():
            if word.endswith(":"):
                labels[word[:-1]] = len(words)
            else:
                words.append(word)
    return Program(tuple(_value(word, place, labels) for place, word in enumerate(words)), labels)


def _value(word: str, place: int, labels: dict[str, int]) -> int:
    found = _WORD.fullmatch(word)
    if found is None:
        raise ValueError(f"{word!r} is not a word: write a number, a label, label+number, or ?")
    label, offset, number, behind = found.groups()
    if behind:
        return place + 1
    if label is None:
        return int(number)
    if label not in labels:
        raise ValueError(f"{word!r}: no label {label!r} is defined")
    return labels[label] + int(offset or 0)


MULTIPLY = assemble("""
       x minus_x ?
loop:  zero y end          # until y is 0 or less
       minus_x product ?
       one y ?
       zero zero loop
end:   zero zero -1
x: 0  y: 0  minus_x: 0  product: 0  one: 1  zero: 0
""")
"""product = x y, by adding x as often as y says."""

FIBONACCI = assemble("""
loop:  zero n end
       sum sum ?           # sum = 0
       last minus ?        # minus = -last
       minus sum ?         # sum = last
       minus minus ?
       before minus ?      # minus = -before
       minus sum ?         # sum = last + before
       minus minus ?
       before before ?     # before = last
       last minus ?
       minus before ?
       minus minus ?
       last last ?         # last = sum
       sum minus ?
       minus last ?
       minus minus ?
       one n loop
       zero zero loop
end:   zero zero -1
n: 0  before: 1  last: 0  sum: 0  minus: 0  one: 1  zero: 0
""")
"""last = the n-th Fibonacci number, the 0th being 0 and the first 1."""

SUM_OF_LIST = assemble("""
loop:  zero count end
item:  list minus ?        # minus = minus - what is at the address in cell `item`
       minus_one item ?    # which is one more now: the program changes itself
       one count ?
       zero zero loop
end:   minus sum ?
       zero zero -1
count: 0  minus: 0  sum: 0  one: 1  minus_one: -1  zero: 0
list:  0 0 0 0 0 0 0 0
""")
"""sum = the sum of the first ``count`` words of ``list``."""
