"""The segments of a run's summarized chain of thought, token by token, with the true ghosts of `scot.theory`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, pairwise

from exactformer.constructions.machines.machine import MachineError, TuringMachine
from exactformer.constructions.machines.run import Configuration, StepLimit, configurations, steps_of
from exactformer.constructions.theory import TrueToken, Value
from exactformer.constructions.turing.cot_sequences import Tracker, goes_on

LONGEST_RUN, MOST_STEPS = 2**14, 2**19
"""Steps of a run of which the end is looked for, and of all such runs that do not halt."""
BEFORE_THE_END = (4, 1)
"""How many steps before the end of a run a segment is begun."""


def scot_sequences(machine: TuringMachine, word: str, position_bits: int) -> Iterator[list[TrueToken]]:
    """The tokens read in each segment, with a block after every r = ``position_bits`` run tokens.

    There are infinitely many if the run does not end. The last ends before the first token that the theory has no place
    for, as `cot_sequence` does. Raises InputError for a word that is not an input.
    """
    return _segments(machine, configurations(machine, word), position_bits, word)


class LateSequences:
    """The segments that summaries shortly before the end of a run would begin: the theory does not say when a segment
    begins, and the first segments of a run may all be longer."""

    def __init__(self, machine: TuringMachine, position_bits: int) -> None:
        self.machine, self.position_bits = machine, position_bits
        self._steps_left = MOST_STEPS

    def of(self, word: str) -> Iterator[list[TrueToken]]:
        """Of one run; none if it does not halt soon enough, or if too many before did not."""
        if self._steps_left <= 0:
            return
        try:
            steps = steps_of(self.machine, word, LONGEST_RUN)
        except StepLimit:
            self._steps_left -= LONGEST_RUN
            return
        except MachineError:
            return
        for before in BEFORE_THE_END:
            run = configurations(self.machine, word, LONGEST_RUN, since=max(steps - before, 0))
            yield next(_segments(self.machine, run, self.position_bits, None))


def _segments(
    machine: TuringMachine, run: Iterator[Configuration], position_bits: int, word: str | None
) -> Iterator[list[TrueToken]]:
    """The segments of the rest of a run: from its input on, or from a summary."""
    start = next(run)
    segment, tau = _Segment(machine, word is None), 0
    segment.tokens += segment.summary_prompt(start) if word is None else segment.going.input_prompt(word)
    if goes_on(machine, start):
        segment.end_prompt("esumm" if word is None else "einp", start)
        for before, after in pairwise(chain([start], run)):
            at_cap = len(segment.tokens) >= 4 * segment.end
            if not (at_cap or goes_on(machine, after)):
                break
            tau += 1
            segment.add([segment.going.run_token(before, after, tau)])
            if after.state == machine.halting:
                segment.add(segment.going.output())
                break
            if at_cap:
                segment.add(segment.next_summary(after))
                yield segment.tokens
                segment, tau = _Segment(machine, True), 0
                segment.tokens += segment.summary_prompt(after)
                if not goes_on(machine, after):
                    break
                segment.end_prompt("esumm", after)
            elif tau == position_bits:
                segment.add(segment.going.block(after, position_bits))
                tau = 0
    yield segment.tokens


class _Segment:
    """The tokens so far, and where the prompt ends."""

    def __init__(self, machine: TuringMachine, summary: bool) -> None:
        self.going, self.summary, self.tokens, self.end = Tracker(machine), summary, list[TrueToken](), 0

    def end_prompt(self, cls: str, configuration: Configuration) -> None:
        """EINP or ESUMM."""
        self.end = len(self.tokens)
        self.tokens.append(self.going.token(cls, {"e": self.end, **self.going.situation(configuration)}))

    def add(self, tokens: Iterable[TrueToken]) -> None:
        """How many tokens follow the prompt."""
        for token in tokens:
            place, cap = len(self.tokens), 4 * self.end
            own: dict[str, Value] = {"summary": self.summary, "e": self.end, "cap": (place >= cap) + (place > cap)}
            self.tokens.append(replace(token, ghosts={**token.ghosts, **own}))

    def summary_prompt(self, configuration: Configuration) -> Iterator[TrueToken]:
        """SUMM, the cells, the state: the cell at position i is written into cell i - 1 of every tape."""
        yield self.going.token("oldsumm", {})
        for cell, shown in enumerate(_cells(self.going.machine, configuration)):
            for k in range(1, self.going.machine.tapes + 1):
                self.going.writes[k, cell] = self.going.position, str(shown[f"a_{k}"])
            yield self.going.token("oldcell", shown)
        yield self.going.token("oldstate", {"q": configuration.state})

    def next_summary(self, configuration: Configuration) -> Iterator[TrueToken]:
        """SUMM, the cells, the state: each but the last reads the next cell of every tape, from cell 0."""
        heads, start = configuration.heads, self.going.position
        always: dict[str, Value] = {"u": start, "q": configuration.state}
        for cls, cell, shown in chain(
            [("newsumm", 0, {})],
            (("newcell", at + 1, shown) for at, shown in enumerate(_cells(self.going.machine, configuration))),
        ):
            own = self.going.addressed([cell] * len(heads))
            for k, head in enumerate(heads, start=1):
                own |= {f"y_{k}": head, f"shown_{k}": str(int(head == cell)), f"read_{k}": own[f"g_{k}"]}
            yield self.going.token(cls, {**always, **shown, **own})
        yield self.going.token("newstate", always)


def _cells(machine: TuringMachine, configuration: Configuration) -> Iterator[dict[str, Value]]:
    """For every cell that was used: each tape's symbol, and whether its head is there."""
    for cell in range(max(map(len, configuration.tapes))):
        found = dict[str, Value]()
        for k, (tape, head) in enumerate(zip(configuration.tapes, configuration.heads, strict=True), start=1):
            symbol = tape[cell] if cell < len(tape) else machine.blank
            found |= {f"a_{k}": symbol, f"h_{k}": str(int(head == cell))}
        yield found
