"""Contents of registers: symbolic ternary vectors over ghosts, and their values where the ghosts are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from exactformer.constructions.transformer.encoding import signed_binary

Ghosts = dict[str, int]
"""The ghosts of one token by name; a truth value is 0 or 1.  A ghost that a token does not have is missing."""

Vector = tuple[int, ...]


@dataclass(frozen=True)
class Back:
    """max(i - distance, 0) for the token's own position i."""

    distance: int

    def __str__(self) -> str:
        return f"max(i - {self.distance}, 0)" if self.distance else "i"


@dataclass(frozen=True)
class Ghost:
    """A ghost by name."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class MinusLow:
    """i - (n mod 2**bits), bits >= 1: the token's own position, less the low bits of OUTP's (n is the ghost o), of the
    position of the SUMM that opens a summary (u), or of its own (i)."""

    bits: int
    ghost: str = "o"

    def __str__(self) -> str:
        return f"i - ({self.ghost} mod 2^{self.bits})"


Number = Back | Ghost | MinusLow


@dataclass(frozen=True)
class Equals:
    """A ghost has this value."""

    ghost: str
    value: int

    def __str__(self) -> str:
        return f"{self.ghost} = {self.value}"


@dataclass(frozen=True)
class AtMost:
    """A ghost is at most this."""

    ghost: str
    bound: int

    def __str__(self) -> str:
        return f"{self.ghost} <= {self.bound}"


@dataclass(frozen=True)
class SameBit:
    """Bit ``left_bit`` of one number is bit ``right_bit`` of another."""

    left: Number
    left_bit: int
    right: Number
    right_bit: int

    def __str__(self) -> str:
        return f"{self.left}[{self.left_bit}] = {self.right}[{self.right_bit}]"


Condition = Equals | AtMost | SameBit


@dataclass(frozen=True)
class Zero:
    """All coordinates 0."""

    def __str__(self) -> str:
        return "0"


@dataclass(frozen=True)
class One:
    """A flag that is up."""

    def __str__(self) -> str:
        return "1"


@dataclass(frozen=True)
class Code:
    """enc(number), in as many bits as the register has."""

    number: Number

    def __str__(self) -> str:
        return f"enc({self.number})"


@dataclass(frozen=True)
class HighBits:
    """Bits ``first`` and above of enc(number); 0 below."""

    number: Number
    first: int

    def __str__(self) -> str:
        return f"enc({self.number})[{self.first}..]"


@dataclass(frozen=True)
class Bit:
    """One coordinate: bit ``index`` of enc(number)."""

    number: Number
    index: int

    def __str__(self) -> str:
        return f"enc({self.number})[{self.index}]"


@dataclass(frozen=True)
class BitOfBeta:
    """One coordinate, of a bit token: bit beta + ``offset`` of enc(number), offset 0 or 1."""

    number: Number
    offset: int

    def __str__(self) -> str:
        return f"enc({self.number})[beta{' + 1' if self.offset else ''}]"


@dataclass(frozen=True)
class MoveCode:
    """enc_move of a ghost: 0 left, 1 stay, 2 right."""

    ghost: str

    def __str__(self) -> str:
        return f"enc_move({self.ghost})"


@dataclass(frozen=True)
class Fetched:
    """What ``register`` holds, before ``layer``, at the token ``distance`` back (at INP if there is none)."""

    register: str
    distance: int
    layer: int

    def __str__(self) -> str:
        return f"{self.register} of {Back(self.distance)} before layer {self.layer}"


@dataclass(frozen=True)
class If:
    """``then`` where the condition holds, else ``otherwise``."""

    condition: Condition
    then: Content
    otherwise: Content = Zero()

    def __str__(self) -> str:
        return f"({self.then} if {self.condition} else {self.otherwise})"


Content = Zero | One | Code | HighBits | Bit | BitOfBeta | MoveCode | Fetched | If

MOVE_CODES = ((-1, -1), (+1, -1), (+1, +1))

Fetch = Callable[[str, int, int], Vector]
"""From a register, a position and a layer to what the token there holds before the layer."""


def number_at(number: Number, ghosts: Ghosts) -> int:
    """The value of a number expression."""
    match number:
        case Back(distance):
            return max(ghosts["i"] - distance, 0)
        case Ghost(name):
            return ghosts[name]
        case MinusLow(bits, ghost):
            return ghosts["i"] - ghosts[ghost] % (1 << bits)


def holds(condition: Condition, ghosts: Ghosts) -> bool:
    """Whether a condition holds."""
    match condition:
        case Equals(ghost, value):
            return ghosts[ghost] == value
        case AtMost(ghost, bound):
            return ghosts[ghost] <= bound
        case SameBit(left, a, right, b):
            return number_at(left, ghosts) >> a & 1 == number_at(right, ghosts) >> b & 1


def value_at(content: Content, width: int, ghosts: Ghosts, fetch: Fetch) -> Vector:
    """The coordinates of a content in a register of ``width`` bits.

    >>> value_at(If(AtMost("tau", 3), Code(Back(1))), 3, {"i": 6, "tau": 2}, lambda *_: ())
    (1, -1, 1)
    """
    match content:
        case Zero():
            return (0,) * width
        case One():
            return (1,) * width
        case Code(number):
            return signed_binary(number_at(number, ghosts), width)
        case HighBits(number, first):
            return (0,) * first + signed_binary(number_at(number, ghosts), width)[first:]
        case Bit(number, index):
            return (1 if number_at(number, ghosts) >> index & 1 else -1,)
        case BitOfBeta(number, offset):
            return (1 if number_at(number, ghosts) >> ghosts["beta"] + offset & 1 else -1,)
        case MoveCode(ghost):
            return MOVE_CODES[ghosts[ghost]]
        case Fetched(register, distance, layer):
            return fetch(register, number_at(Back(distance), ghosts), layer)
        case If(condition, then, otherwise):
            return value_at(then if holds(condition, ghosts) else otherwise, width, ghosts, fetch)
