"""From a machine, a context length and an arithmetic to a certificate for *every* input (THEORIES).

construct the network and the theory of the machine's runs -> prove what its heads select, for every token sequence
-> bound the writes per cell -> decide the rounding inequalities for all numbers of maximisers up to that bound
-> if that fails, look for an input that refutes the claim, and make a certificate about that input
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from exactformer.certificates import names, sentences
from exactformer.certificates.certify import Bundle, Progress, Request, certify
from exactformer.certificates.checker.deadline import SECONDS
from exactformer.certificates.files import Subject
from exactformer.certificates.theory_certificate import Asked, TheoryBundle, certify_theory, subject_of
from exactformer.constructions.machines.machine import MachineError, TuringMachine
from exactformer.constructions.machines.run import Run
from exactformer.constructions.theory import Theory
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.turing.behaviours import EveryRun, Inputs
from exactformer.constructions.turing.fitting import longest_sequence
from exactformer.constructions.turing.paradigm import Paradigm, position_bits_for
from exactformer.constructions.turing.theory import turing
from exactformer.verify.arithmetic.models import ArithmeticModel, Exact
from exactformer.verify.busiest import busiest_run
from exactformer.verify.halting import NoInput, example, no_input
from exactformer.verify.verdict import Verdict
from exactformer.verify.writes import Grounds, MostWrites, most_writes, writes_per_cell


@dataclass(frozen=True)
class UniversalRequest:
    """What is asked for; ``tokens``: if activations are not all those of the hardmax network, claim tokens alone."""

    machine: TuringMachine
    behaviour: EveryRun
    model: ArithmeticModel
    beta: int | None = None
    tokens: bool = False
    budget_seconds: int = SECONDS

    def certified(self, progress: Progress) -> UniversalBundle:
        """Raises what `certify_all` raises."""
        return certify_all(self, progress)

    @property
    def paradigm(self) -> Paradigm:
        return self.behaviour.paradigm

    @property
    def context(self) -> int:
        return self.behaviour.context

    @cached_property
    def most(self) -> MostWrites:
        """The bound on writes of a cell, and what it rests on."""
        return most_writes(self.machine, self.paradigm, self.context, self.behaviour.writes)

    @cached_property
    def built(self) -> tuple[Network, Theory]:
        """The network and the theory of the machine's runs.  Raises ContextError."""
        writes = None if self.most.grounds is Grounds.CONTEXT else self.most.bound
        return turing(self.machine, context=self.context, paradigm=self.paradigm, writes=writes)

    @property
    def subject(self) -> Subject:
        """What the certificate will be about, if it is not refuted."""
        return subject_of(self.built[1], self.asked)

    @property
    def asked(self) -> Asked:
        """What to decide about the softmax network."""
        return Asked(self.model, self.context, self.beta, self.tokens, self.name, self.machine.name)

    @property
    def name(self) -> str:
        """What the certificate's files will be called."""
        return names.of_all_inputs(
            self.machine,
            self.paradigm,
            self.context,
            self.model,
            space=self.behaviour.space,
            assumed_writes=self.behaviour.writes,
            beta=self.beta,
            tokens=self.tokens,
        )


@dataclass(frozen=True)
class UniversalBundle:
    """What is proved of every run, and what it was made from.

    ``counterexample``: if the claim is refuted, the certificate about one input, which is then the one that is written;
    ``no_run_halts``: why no run that fits halts, if that is known; ``example``: a run on an input that the claim is
    about, if one was found.
    """

    request: UniversalRequest
    made: TheoryBundle
    counterexample: Bundle | None
    no_run_halts: NoInput | None
    example: Run | None

    @property
    def written(self) -> TheoryBundle | Bundle:
        """The certificate that states the verdict."""
        return self.counterexample or self.made

    @property
    def why_no_run_halts(self) -> str | None:
        """One sentence, if that is known."""
        if self.no_run_halts is None:
            return None
        return sentences.no_run_halts(self.request.machine.name, self.no_run_halts.least_steps, self.request.context)

    @property
    def verdict(self) -> Verdict:
        return self.made.verdict if self.counterexample is None else Verdict.REFUTED

    @property
    def claim(self) -> str:
        return self.written.claim


def certify_all(request: UniversalRequest, progress: Progress = lambda *_: None) -> UniversalBundle:
    """Construct, prove, decide; look for a counterexample if that fails.

    Errors: MachineError, ModelError, BetaError and DoesNotFit if the request cannot be met; Rejected if something is
    not proved; TooLarge and Undecided if the proof is too large or takes too long.
    """
    require_a_step(request.machine)
    progress("construct", 0, 1)
    network, theory = request.built
    progress("prove", 0, 1)
    made = certify_theory(network, theory, request.asked, request.budget_seconds)
    none_halts = no_input(request.machine, request.paradigm, request.context)
    counterexample = None
    inconclusive = made.verdict is Verdict.INCONCLUSIVE and not request.tokens
    if inconclusive and not isinstance(request.model, Exact) and none_halts is None:
        progress("refute", 0, 1)
        counterexample = _counterexample(request, made.universal.most_writes_proved)
    return UniversalBundle(request, made, counterexample, none_halts, None if none_halts else example_of(request))


def require_a_step(machine: TuringMachine) -> None:
    """Refuse a machine whose runs take no step.  Raises MachineError."""
    if all(state != machine.initial for state, _ in machine.transitions):
        raise MachineError(
            f"{machine.name} has no row for its initial state {machine.initial!r}: no run takes a step, so there is "
            "nothing to prove; give that state a row"
        )


def example_of(request: UniversalRequest) -> Run | None:
    """A run on an input that the claim is about, if one is found among short words."""
    return example(request.machine, lambda run: _is_covered(request, run))


def _counterexample(request: UniversalRequest, proved: int) -> Bundle | None:
    """A certificate that refutes the claim on one input that fits and satisfies the assumptions.

    The claim is proved for runs that write no cell more than ``proved`` times.
    """
    position_bits = position_bits_for(request.context)
    # A cell is addressed before each write, so a query meets m of its writers once there is one more write, or earlier
    # if the head stays.
    for writes in (proved + 1, proved + 2):
        run = busiest_run(request.machine, writes, request.context, position_bits)
        if run is None:
            return None
        # The input is found for its chain of thought; a segment of the summarized one may be longer than N.
        if _is_covered(request, run):
            behaviour = Inputs([run.word], paradigm=request.paradigm, context=request.context)
            alone = certify(Request(request.machine, behaviour, request.model, request.beta))
            if alone.verdict is Verdict.REFUTED:
                return alone
    return None


def _is_covered(request: UniversalRequest, run: Run) -> bool:
    """Whether the claim is about this run."""
    space, writes = request.behaviour.space, request.behaviour.writes
    if space is not None and run.cells > space:
        return False
    bits = position_bits_for(request.context, request.paradigm)
    if longest_sequence(request.paradigm, run, bits) > request.context:
        return False
    prompt = 1 if request.paradigm is Paradigm.SCOT else 0
    most = max(writes_per_cell(run).values(), default=0) + prompt
    return writes is None or most <= writes
