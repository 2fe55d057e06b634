"""Turing machines: their text format, their runs, and the tokens of a run (SPEC sections 3 and 5).

Words:
    row         one transition; ``(state, symbols read)`` maps to ``(next state, symbols written, moves)``
    canonical   the one text that all writers give for a machine; rows in the order of states, then symbols
    cells       the positions of the heads, one per tape
    token       a family's name and the names of its fields' values, as in ``("SIGMA", ("0",))``
    segment     a token sequence; a run is one for the paradigm cot, one or more for scot
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from exactformer.certificates.checker.document import TooLarge

Symbols: TypeAlias = tuple[str, ...]
Row: TypeAlias = tuple[str, Symbols, tuple[str, ...]]
Token: TypeAlias = tuple[str, tuple[str, ...]]

KEYS = ("name", "tapes", "states", "halting", "alphabet", "input", "transitions")
MOVES = {"L": -1, "S": 0, "R": +1}

_QUOTED = r'"[^"\\]*"'
_PLAIN = r"""(?:[^\s"'\\,\[\]{}#&*!|>%@`:?-]|[:?-](?=[^\s"\\,\[\]{}]))[^\s"\\,\[\]{}]*(?<!:)"""
_NAME = rf"(?:{_QUOTED}|{_PLAIN})"
_LIST = rf"\[ *(?:{_NAME}(?: *, *{_NAME})*)? *\]"
_VALUE = re.compile(rf"([a-z]+):(?: +({_NAME}|{_LIST}))? *")
_ROW = re.compile(rf" *- +({_QUOTED}) *")


class MachineError(Exception):
    """A text that is not a machine, or a run that the construction does not cover."""


@dataclass(frozen=True)
class Machine:
    """A Turing machine; the first state is the initial one, the first symbol of ``alphabet`` the blank."""

    name: str
    tapes: int
    states: tuple[str, ...]
    halting: str
    alphabet: tuple[str, ...]
    input: tuple[str, ...]
    rows: dict[tuple[str, Symbols], Row]


@dataclass(frozen=True, slots=True)
class Step:
    """What a step did, and where the heads are after it."""

    state: str
    written: Symbols
    moved: tuple[str, ...]
    cells: tuple[int, ...]


LONGEST_TEXT = 2**22
"""The most characters of a machine's text, which this checker reads in linear time."""


def parse_machine(text: str) -> Machine:
    """The machine that ``text`` describes, in the format of constructions/machines/README.md."""
    if len(text) > LONGEST_TEXT:
        raise TooLarge(f"the machine's text has {len(text)} characters; this checker reads {LONGEST_TEXT}")
    values: dict[str, list[str]] = {}  # every value as a list; those that were in brackets are in `lists`
    lists: set[str] = set()
    rows: list[str] = []
    last_key = ""
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if not line.replace("\t", " ").isprintable():  # YAML ends lines at some of these characters
            raise MachineError(f"line {number}: {line[:80]!r} has a control character")
        if not line.strip(" ") or line.lstrip(" ").startswith("#"):
            continue
        if row := _ROW.fullmatch(line):
            if last_key != "transitions" or "transitions" in lists:
                raise MachineError(f"line {number}: a row that is not under 'transitions:'")
            rows.append(row[1][1:-1])
            continue
        match = _VALUE.fullmatch(line)
        if match is None or match[1] not in KEYS or match[1] in values:
            raise MachineError(f"line {number}: {line[:80]!r} is not a new 'key: value', row or comment")
        last_key, value = match[1], match[2] or ""
        if value.startswith("["):
            lists.add(last_key)
            value = value[1:-1]
        values[last_key] = [name.strip('"') for name in re.findall(_NAME, value)]
    for key in KEYS:
        if key not in values:
            raise MachineError(f"the key {key!r} is missing")
        if (key in lists) != (key in ("states", "alphabet", "input")) and key != "transitions":
            raise MachineError(f"{key!r} must {'not ' if key in lists else ''}be a list in brackets")
        if (len(values[key]) != 1 and key in ("name", "tapes", "halting")) or (key == "transitions" and values[key]):
            raise MachineError(f"{key!r} has the wrong number of values: {values[key]}")
    if "transitions" not in lists and not rows:
        raise MachineError("there is no row under 'transitions:'; write 'transitions: []'")
    if not re.fullmatch(r"[1-9][0-9]{0,2}", values["tapes"][0], re.ASCII):
        raise MachineError(f"'tapes' is {values['tapes'][0]!r}, not a number from 1 to 999")
    machine = Machine(
        name=values["name"][0],
        tapes=int(values["tapes"][0]),
        states=tuple(values["states"]),
        halting=values["halting"][0],
        alphabet=tuple(values["alphabet"]),
        input=tuple(values["input"]),
        rows={},
    )
    _require_names(machine)
    states, alphabet = frozenset(machine.states), frozenset(machine.alphabet)
    for row_text in rows:
        _add_row(machine, row_text, states, alphabet)
    return machine


def _require_names(machine: Machine) -> None:
    for name in (machine.name, *machine.states, *machine.alphabet):
        if not name or name == "->" or not name.isprintable() or re.search(r'[\s"\\]', name):
            raise MachineError(f"{name!r} is not a name")
    for key, names in (("states", machine.states), ("alphabet", machine.alphabet), ("input", machine.input)):
        if len(set(names)) != len(names):
            raise MachineError(f"{key!r} names something twice: {names}")
    if machine.halting not in machine.states[1:]:
        raise MachineError(f"'halting' is {machine.halting!r}, which is not a state, or the initial one")
    written = frozenset(machine.alphabet[1:])
    for symbol in machine.input:
        if len(symbol) != 1 or symbol not in written:
            raise MachineError(f"input symbol {symbol!r} is not one character of the alphabet, or the blank")


def _add_row(machine: Machine, row: str, states: frozenset[str], alphabet: frozenset[str]) -> None:
    tapes, parts = machine.tapes, [part for part in row.split(" ") if part]
    if len(parts) != 3 * tapes + 3 or parts[tapes + 1] != "->":
        raise MachineError(f"row {row!r} does not have {3 * tapes + 3} fields with '->' after {tapes + 1}")
    read, written, moves = (tuple(parts[at : at + tapes]) for at in (1, tapes + 3, 2 * tapes + 3))
    for known, names in (
        (states, (parts[0], parts[tapes + 2])),
        (alphabet, read + written),
        (frozenset(MOVES), moves),
    ):
        for name in names:
            if name not in known:
                raise MachineError(f"row {row!r}: {name!r} is not one of {' '.join(sorted(known))[:200]}")
    if (parts[0], read) in machine.rows:
        raise MachineError(f"row {row!r}: there is another row for this state and these symbols")
    machine.rows[parts[0], read] = (parts[tapes + 2], written, moves)


def canonical_text(machine: Machine) -> str:
    """The canonical text of ``machine`` (SPEC section 3)."""

    states, symbols = ({name: n for n, name in enumerate(names)} for names in (machine.states, machine.alphabet))

    def place(situation: tuple[str, Symbols]) -> list[int]:
        return [states[situation[0]], *(symbols[symbol] for symbol in situation[1])]

    lines = [f'name: "{machine.name}"', f"tapes: {machine.tapes}", f"states: {_list(machine.states)}"]
    lines += [f'halting: "{machine.halting}"', f"alphabet: {_list(machine.alphabet)}"]
    lines += [f"input: {_list(machine.input)}", "transitions:" if machine.rows else "transitions: []"]
    for state, read in sorted(machine.rows, key=place):
        after, written, moves = machine.rows[state, read]
        lines.append(f'  - "{" ".join([state, *read, "->", after, *written, *moves])}"')
    return "\n".join(lines) + "\n"


def _list(names: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


MOST_CELLS = 2**22
"""The most cells of heads over all steps of a run; each step has one per tape."""


def run_machine(machine: Machine, word: str, most_steps: int) -> tuple[list[Step], str]:
    """The steps of the run on ``word`` and its output (SPEC section 5); at most ``most_steps`` steps."""
    blank, most_steps = machine.alphabet[0], min(most_steps, MOST_CELLS // machine.tapes)
    for symbol in word:
        if symbol not in machine.input:
            raise MachineError(f"{symbol!r} of input {word[:80]!r} is not in the input alphabet")
    tapes: list[dict[int, str]] = [{} for _ in range(machine.tapes)]
    tapes[0].update(enumerate(word))
    state, cells, steps = machine.states[0], (0,) * machine.tapes, list[Step]()
    while state != machine.halting:
        if len(steps) == most_steps:
            raise TooLarge(f"on input {word[:80]!r} the machine has not halted after {most_steps} steps")
        read = tuple(tape.get(cell, blank) for tape, cell in zip(tapes, cells, strict=True))
        if (state, read) not in machine.rows:
            raise MachineError(f"on input {word[:80]!r} there is no row for {' '.join((state, *read))!r}")
        state, written, moved = machine.rows[state, read]
        for tape, cell, symbol in zip(tapes, cells, written, strict=True):
            tape[cell] = symbol
        cells = tuple(max(cell + MOVES[move], 0) for cell, move in zip(cells, moved, strict=True))
        steps.append(Step(state, written, moved, cells))
    used = max((cell for cell, symbol in tapes[0].items() if symbol != blank), default=-1) + 1
    output = [tapes[0].get(cell, blank) for cell in range(used)]
    if not set(output) <= set(machine.input):
        raise MachineError(f"on input {word[:80]!r} the output {output} is not a word over the input alphabet")
    return steps, "".join(output)


def fewest_steps(machine: Machine) -> int | None:
    """T of MACHINES 2: no run halts after fewer steps; None if none can, as no rows lead to the halting state."""
    following: dict[str, set[str]] = {}
    for (state, _), (after, _, _) in machine.rows.items():
        following.setdefault(state, set()).add(after)
    reached, steps, seen = {machine.states[0]}, 0, set[str]()
    while reached and machine.halting not in reached:
        seen |= reached
        reached = set[str]().union(*(following.get(state, ()) for state in reached)) - seen
        steps += 1
    return steps if reached else None


def used_cells(word: str, steps: list[Step]) -> int:
    """1 + the largest cell, over all tapes, that was visited or held input (SPEC section 5)."""
    return max([1, len(word), *(cell + 1 for step in steps for cell in step.cells)])


@dataclass(frozen=True)
class Segment:
    """A token sequence; the network reads the first ``read`` tokens and produces those from ``prompt`` on."""

    tokens: list[Token]
    prompt: int
    read: int


def segments(machine: Machine, word: str, steps: list[Step], output: str, r: int, paradigm: str) -> list[Segment]:
    """The token sequences of a run (SPEC section 5), with r = position_bits; for ``"cot"`` one."""
    blank, tapes = machine.alphabet[0], [dict[int, str]() for _ in range(machine.tapes)]
    tapes[0].update(enumerate(word))
    tokens: list[Token] = [("INP", ()), *(("SIGMA", (symbol,)) for symbol in word), ("EINP", ())]
    prompt, since, cells, done = len(tokens), 0, (0,) * machine.tapes, list[Segment]()
    used, known = used_cells(word, []), dict[Token, Token]()  # equal tokens are kept once
    for step in steps:
        for tape, cell, symbol in zip(tapes, cells, step.written, strict=True):
            tape[cell] = symbol
        cells, since, used = step.cells, since + 1, max(used, *(cell + 1 for cell in step.cells))
        run: Token = ("RUN", (step.state, *step.written, *step.moved))
        tokens.append(known.setdefault(run, run))
        if step.state == machine.halting:
            tokens += [("OUTP", ()), *(("SIGMA", (symbol,)) for symbol in output), ("EOUTP", ())]
        elif paradigm == "scot" and len(tokens) - 1 >= 4 * (prompt - 1):
            summary: list[Token] = [("SUMM", ())]
            for at in range(used):
                seen = [(tape.get(at, blank), str(int(head == at))) for tape, head in zip(tapes, cells, strict=True)]
                held: Token = ("CELL", tuple(value for pair in seen for value in pair))
                summary.append(known.setdefault(held, held))
            summary += [("STATE", (step.state,)), ("ESUMM", ())]
            done.append(Segment(tokens + summary, prompt, len(tokens + summary) - 1))
            tokens, prompt, since = summary, len(summary), 0
        elif since % r == 0:
            bits: list[Token] = [("BIT", tuple("+1" if cell >> b & 1 else "-1" for cell in cells)) for b in range(r)]
            tokens += [("POS", ()), *(known.setdefault(bit, bit) for bit in bits), ("EPOS", ())]
    return [*done, Segment(tokens, prompt, len(tokens))]


def vocabulary(machine: Machine, paradigm: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """The families, their fields and the fields' values (SPEC section 5)."""
    tapes = range(1, machine.tapes + 1)
    families: dict[str, dict[str, tuple[str, ...]]] = {
        name: {} for name in ("INP", "EINP", "POS", "EPOS", "OUTP", "EOUTP")
    }
    families["SIGMA"] = {"symbol": machine.input}
    families["RUN"] = {"state": machine.states}
    families["RUN"] |= {f"written_{k}": machine.alphabet for k in tapes}
    families["RUN"] |= {f"moved_{k}": tuple(MOVES) for k in tapes}
    families["BIT"] = {f"bit_{k}": ("-1", "+1") for k in tapes}
    if paradigm == "scot":
        families |= {"SUMM": {}, "CELL": {}, "STATE": {"state": machine.states}, "ESUMM": {}}
        for k in tapes:
            families["CELL"] |= {f"symbol_{k}": machine.alphabet, f"head_{k}": ("0", "1")}
    return families
