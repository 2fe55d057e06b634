"""The one table of machines and inputs that all tests share: every machine of the library, with short inputs.

A case has a title, so that a failing test says what it was about; `CASES` is for ``pytest.mark.parametrize``
with ``ids=str``.  Expected outputs come from the oracle of the library, not from here.
"""

from __future__ import annotations

from dataclasses import dataclass

from exactformer.constructions.machines.library import machine_named
from exactformer.constructions.machines.machine import TuringMachine


@dataclass(frozen=True)
class Case:
    """A machine of the library and a valid word for it."""

    title: str
    name: str
    word: str

    @property
    def machine(self) -> TuringMachine:
        return machine_named(self.name).machine

    @property
    def output(self) -> str:
        """What the machine has to leave, from its oracle."""
        output = machine_named(self.name).oracle(self.word)
        if output is None:
            raise ValueError(f"{self.word!r} is not a valid input of {self.name}: correct the table.")
        return output

    def __str__(self) -> str:
        return f"{self.name}: {self.title}"


CASES = (
    Case("smallest sum", "binary-addition", "0+0"),
    Case("carry out of the top", "binary-addition", "1+1"),
    Case("the example of the description", "binary-addition", "110+101"),
    Case("first number longer, leading zeros", "binary-addition", "0010+1"),
    Case("second number longer", "binary-addition", "1+0111"),
    Case("empty word", "balanced-brackets", ""),
    Case("nested and in a row", "balanced-brackets", "(()())"),
    Case("closes too much", "balanced-brackets", "())("),
    Case("closes at once", "balanced-brackets", ")("),
    Case("left open", "balanced-brackets", "(()"),
    Case("one bit, two values", "binary-counter", "0"),
    Case("three bits, eight values", "binary-counter", "000"),
    Case("overflow at once", "binary-counter", "11"),
    Case("smallest product", "binary-multiplication", "0*0"),
    Case("one", "binary-multiplication", "1*1"),
    Case("the example of the description", "binary-multiplication", "101*11"),
    Case("inner zeros, leading zeros", "binary-multiplication", "011*101"),
    Case("empty word", "bit-sort", ""),
    Case("already sorted", "bit-sort", "011"),
    Case("swaps down to cell 0", "bit-sort", "110"),
    Case("empty word", "copy", ""),
    Case("three bits", "copy", "011"),
    Case("no carry", "increment", "010"),
    Case("carry inside", "increment", "1011"),
    Case("overflow", "increment", "11"),
    Case("empty word", "palindrome", ""),
    Case("one bit", "palindrome", "1"),
    Case("even palindrome", "palindrome", "0110"),
    Case("odd palindrome", "palindrome", "10101"),
    Case("differs inside", "palindrome", "0010"),
    Case("empty word", "reverse", ""),
    Case("three letters", "reverse", "aab"),
    Case("no write but the last", "rewrite", ""),
    Case("odd", "rewrite", "111"),
    Case("even", "rewrite", "1111"),
    Case("seven writes of one cell", "rewrite", "111111"),
    Case("empty word", "three-equal-blocks", ""),
    Case("two of each", "three-equal-blocks", "aabbcc"),
    Case("a b too many", "three-equal-blocks", "abbc"),
    Case("a c too few", "three-equal-blocks", "aabbc"),
    Case("does not start with a", "three-equal-blocks", "cab"),
    Case("empty word", "unary-doubling", ""),
    Case("three", "unary-doubling", "111"),
    Case("empty word is zero", "unary-to-binary", ""),
    Case("carries", "unary-to-binary", "11111"),
)
