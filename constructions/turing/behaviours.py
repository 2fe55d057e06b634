"""What a machine's network should do: write its chain of thought, on given words or in every run that fits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from exactformer.constructions.behaviour import BehaviourError, whole
from exactformer.constructions.machines.run import DEFAULT_MAX_STEPS
from exactformer.constructions.turing.contexts import least_context_for_space, longest_segment, require_an_input
from exactformer.constructions.turing.paradigm import ContextError, Paradigm, paradigm_of, position_bits_for


@dataclass(frozen=True, init=False)
class Inputs:
    """The machine's runs on these words, each given once; they are replayed, and have to halt.

    ``paradigm``: "cot", a chain of thought, or "scot", a summarized one.  ``context``: in tokens; None means the
    smallest that all runs fit.  A run of more than ``max_steps`` is given up.  Raises BehaviourError.

    >>> Inputs(["101", ""]).words
    ('101', '')
    """

    words: tuple[str, ...]
    paradigm: Paradigm
    context: int | None
    max_steps: int

    def __init__(
        self,
        words: Iterable[str],
        *,
        paradigm: Paradigm | str = Paradigm.COT,
        context: int | None = None,
        max_steps: int = DEFAULT_MAX_STEPS,
    ) -> None:
        if isinstance(words, str) or not isinstance(words, Iterable):
            raise BehaviourError(f"the inputs are {words!r}; give a list of words")
        listed = tuple(words)
        if not listed:
            raise BehaviourError("there is no input; give at least one word, such as ''")
        for number, word in enumerate(listed):
            if not isinstance(word, str):
                raise BehaviourError(f"input {number} is {word!r}, which is not a text")
            if word in listed[:number]:
                raise BehaviourError(f"the input {word!r} is given twice; give every input once")
        object.__setattr__(self, "words", listed)
        object.__setattr__(self, "paradigm", paradigm_of(paradigm))
        object.__setattr__(self, "context", None if context is None else whole("context", context))
        object.__setattr__(self, "max_steps", whole("max_steps", max_steps))


@dataclass(frozen=True, init=False)
class EveryRun:
    """Every run, halting or not, as far as its chain of thought, or a segment of a summarized one, fits ``context``.

    ``space``, with paradigm "scot": only runs within this many cells; without a context, the smallest one that holds
    their segments is taken.  ``writes``: only runs that write no cell more often, a condition of the claim.

    Errors: BehaviourError, and ContextError for a context that holds no run, or not the segments of ``space``.

    >>> EveryRun(space=7, paradigm="scot").context
    49
    """

    context: int
    paradigm: Paradigm
    space: int | None
    writes: int | None

    def __init__(
        self,
        context: int | None = None,
        *,
        paradigm: Paradigm | str = Paradigm.COT,
        space: int | None = None,
        writes: int | None = None,
    ) -> None:
        chosen = paradigm_of(paradigm)
        if space is not None and chosen is Paradigm.COT:
            raise BehaviourError(
                "space needs paradigm 'scot': a plain chain of thought grows with the machine's "
                "time, not with its space"
            )
        if context is None:
            if space is None:
                raise BehaviourError(
                    "give a context (or, with paradigm 'scot', a space): the claim is about runs that fit"
                )
            context = least_context_for_space(whole("space", space)).tokens
        bits = position_bits_for(whole("context", context), chosen)
        require_an_input(context, bits)
        if writes is not None and not 1 <= whole("writes", writes, least=0) < context:
            raise BehaviourError(
                f"a bound of {writes} writes per cell excludes nothing in {context} tokens; give a number from 1 to "
                f"{context - 1}"
            )
        if space is not None and (longest := longest_segment(whole("space", space), bits)) > context:
            raise ContextError(
                f"a run in {space} cells has segments of up to {longest} tokens, which do not fit {context}"
            )
        object.__setattr__(self, "context", context)
        object.__setattr__(self, "paradigm", chosen)
        object.__setattr__(self, "space", space)
        object.__setattr__(self, "writes", writes)
