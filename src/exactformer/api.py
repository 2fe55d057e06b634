"""The public interface: a network and what it should do -> a certificate; a certificate -> what is valid about it.

Everything returns values and raises typed errors.  Nothing prints, and only `write` of certificates and
`save_transformer` write files.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import overload

from exactformer.certificates.certify import Request
from exactformer.certificates.certify_all import UniversalRequest
from exactformer.certificates.checker import check as checker
from exactformer.certificates.checker.approximation.check import check_approximation
from exactformer.certificates.checker.deadline import SECONDS
from exactformer.certificates.checker.document import BadInput, Rejected, TooLarge, Undecided, names_its_subject
from exactformer.certificates.checker.named import check_named
from exactformer.certificates.checker.theory.check import check_theory
from exactformer.certificates.files import FileRefused, Output
from exactformer.certificates.kernels.certificate import KernelAsked, certify_kernel
from exactformer.certificates.kernels.files import KernelText, RecipeError, load_recipe
from exactformer.certificates.kernels.inputs import KernelInputs
from exactformer.certificates.network_document import load_transformer, network_bytes
from exactformer.certificates.network_json import NetworkDocumentError
from exactformer.certificates.reports.audit import Audit, sizes_subject
from exactformer.certificates.requests import SequencesRequest, TheoryRequest, WordsRequest
from exactformer.certificates.sequences.certificate import SequencesAsked
from exactformer.certificates.sequences.file import load_given
from exactformer.certificates.sequences.search import Refutation
from exactformer.certificates.subjects import machine_to_check, our_theory
from exactformer.certificates.theory_certificate import Asked
from exactformer.certificates.words.certificate import WordsAsked
from exactformer.certificates.words.tables import load_automaton, load_transducer
from exactformer.constructions.behaviour import BehaviourError, whole
from exactformer.constructions.imported.decoder import from_decoder
from exactformer.constructions.imported.tracr import from_tracr
from exactformer.constructions.machines.machine import MachineError, TuringMachine
from exactformer.constructions.theory import Case, Hold, Name, Theory
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_matrices import (
    HeadWeights,
    LayerWeights,
    largest_outputs,
    nearest_outputs,
)
from exactformer.constructions.transformer.exact_norms import LayerNorm, RMSNorm
from exactformer.constructions.transformer.exact_numbers import TransformerError
from exactformer.constructions.transformer.exact_parts import BitPositions
from exactformer.constructions.transformer.exact_rotary import rotary_tables, rotate_half
from exactformer.constructions.transformer.given import Given, GivenError
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.transformer.words import Automaton, Transducer, Words, WordsError
from exactformer.constructions.turing.behaviours import EveryRun, Inputs
from exactformer.constructions.turing.paradigm import ContextError, Paradigm, paradigm_of
from exactformer.constructions.turing.theory import turing
from exactformer.results import (
    AnyCertificate,
    Certificate,
    EveryRunCertificate,
    InputsCertificate,
    KernelCertificate,
    SequencesCertificate,
    TheoryCertificate,
    Valid,
    WordsCertificate,
    report,
)
from exactformer.verify.arithmetic.models import ArithmeticModel, ModelError, parse_arithmetic
from exactformer.verify.assessment import BetaError
from exactformer.verify.counting import Subject
from exactformer.verify.verdict import Verdict

__all__ = [
    "Audit",
    "Automaton",
    "BadInput",
    "BehaviourError",
    "BetaError",
    "BitPositions",
    "Case",
    "Certificate",
    "ContextError",
    "EveryRun",
    "EveryRunCertificate",
    "FileRefused",
    "Given",
    "GivenError",
    "HeadWeights",
    "Hold",
    "Inputs",
    "InputsCertificate",
    "KernelCertificate",
    "KernelInputs",
    "KernelText",
    "LayerNorm",
    "LayerWeights",
    "MachineError",
    "ModelError",
    "Name",
    "Network",
    "NetworkDocumentError",
    "RMSNorm",
    "RecipeError",
    "Refutation",
    "Rejected",
    "SequencesCertificate",
    "Theory",
    "TheoryCertificate",
    "TooLarge",
    "Transducer",
    "Transformer",
    "TransformerError",
    "TuringMachine",
    "Undecided",
    "Valid",
    "Verdict",
    "Words",
    "WordsCertificate",
    "WordsError",
    "audit",
    "certify",
    "check",
    "from_decoder",
    "from_tracr",
    "largest_outputs",
    "load_automaton",
    "load_given",
    "load_recipe",
    "load_transducer",
    "load_transformer",
    "nearest_outputs",
    "report",
    "rotary_tables",
    "rotate_half",
    "save_transformer",
    "turing",
]


def silent(*_: object) -> None:
    """Report the progress to nobody."""


@overload
def certify(
    subject: TuringMachine, behaviour: Inputs, arithmetic: str, *, beta: int | None = None
) -> InputsCertificate: ...


@overload
def certify(
    subject: TuringMachine,
    behaviour: EveryRun,
    arithmetic: str,
    *,
    beta: int | None = None,
    tokens: bool = False,
    budget_seconds: int = SECONDS,
) -> EveryRunCertificate: ...


@overload
def certify(
    subject: Network,
    behaviour: Theory,
    arithmetic: str,
    *,
    context: int,
    beta: int | None = None,
    tokens: bool = False,
    budget_seconds: int = SECONDS,
) -> TheoryCertificate: ...


@overload
def certify(
    subject: Transformer | Network,
    behaviour: Given,
    arithmetic: str,
    *,
    beta: int | None = None,
    name: str = "transformer",
) -> SequencesCertificate: ...


@overload
def certify(
    subject: Transformer | Network,
    behaviour: Words,
    arithmetic: str,
    *,
    beta: int | None = None,
    budget_seconds: int = SECONDS,
    name: str = "transformer",
) -> WordsCertificate: ...


@overload
def certify(subject: KernelText, behaviour: KernelInputs) -> KernelCertificate: ...


def certify(
    subject: TuringMachine | Network | Transformer | KernelText,
    behaviour: Inputs | EveryRun | Theory | Given | Words | KernelInputs,
    arithmetic: str | None = None,
    *,
    context: int | None = None,
    beta: int | None = None,
    tokens: bool = False,
    budget_seconds: int = SECONDS,
    name: str = "transformer",
) -> AnyCertificate:
    """A certificate about what a network should do: a machine's runs, a theory, or given sequences.

    The arithmetic is named as on the command line (`exactformer arithmetics`).  beta is a power of two; by default the
    smallest that is enough, and 1 for given sequences.

    >>> import exactformer as ef
    >>> certificate = ef.certify(ef.load_machine("increment"), ef.Inputs(["1"]), "fused:bf16")
    >>> certificate.verdict.value
    'certified'

    The claim depends on the behaviour:

    *Inputs*: the network built for a machine writes its chains of thought on these words.
    *EveryRun*: it writes them in every run that fits.
    *A theory*: a compiled network does what the theory says on each of its token sequences of up to ``context`` tokens;
    the theory's annotation says what each head selects.
    *Given sequences*: a transformer of any exact weights, or a compiled one, ranks each expected token first; ``name``:
    the network's, for files.
    *Words*: such a transformer gives the expected outputs on every word of a language, up to a length.
    *A recipe* of an attention kernel (`load_recipe`), without an arithmetic: how far its output is from exact softmax
    at most, for all keys that `KernelInputs` allows.

    ``tokens``, for every run and theories: if activations are not all proved to be those of the hardmax network, prove
    that every token is right.  A proof that takes longer than ``budget_seconds`` is given up.

    Errors: TypeError for subjects, behaviours and options that do not go together.  MachineError for a run that does
    not halt, or a machine without a run; ContextError for a context that runs do not fit.  ModelError for an unknown
    arithmetic, or one in which scores or weights are not exact or nothing is decided; BetaError for a beta at which
    scores are not exact.  GivenError for sequences that the transformer cannot read, TransformerError for a compiled
    network with too many tokens; WordsError for a language or a specification that does not fit the transformer.
    Rejected, with place and reason, if theory and annotation do not show what the network does, and for a context
    beyond its positions; TooLarge and Undecided if that is not decided within the limits.  HeadMismatch, TokenMismatch,
    NotTernaryError and SeparationNotProved (`exactformer.verify`) if the network that was built for a machine does not
    do what it was built for: that would be a bug.
    """
    _require_options(subject, behaviour, context=context is not None, tokens=tokens, name=name != "transformer")
    if isinstance(subject, KernelText) and isinstance(behaviour, KernelInputs) and arithmetic is None:
        asked_of_kernel = KernelAsked(subject, behaviour.inputs, behaviour.tolerance)
        return KernelCertificate(certify_kernel(asked_of_kernel, silent))
    if arithmetic is None or isinstance(subject, KernelText) or isinstance(behaviour, KernelInputs):
        raise TypeError(
            "a recipe of a kernel goes with KernelInputs and without an arithmetic; for all else name one, such as "
            "'fused:bf16'"
        )
    model = _model(arithmetic, of_networks=isinstance(behaviour, (Given, Words)))
    whole("budget_seconds", budget_seconds, least=0)
    if beta is not None and whole("beta", beta) & (beta - 1):
        raise BetaError(f"beta is {beta}; it has to be a power of two, at least 1")
    match subject, behaviour:
        case TuringMachine(), Inputs():
            return InputsCertificate(Request(subject, behaviour, model, beta).certified(silent))
        case TuringMachine(), EveryRun():
            request = UniversalRequest(subject, behaviour, model, beta, tokens, budget_seconds)
            return EveryRunCertificate(request.certified(silent))
        case Network(), Theory():
            if context is None:
                raise TypeError("a theory needs context=N: the claim is about sequences of at most this many tokens")
            if whole("context", context) > 2**subject.position_bits:
                raise Rejected("context", f"is {context}, but the network has only 2^{subject.position_bits} positions")
            asked = Asked(model, context, beta, tokens)
            return TheoryCertificate(TheoryRequest(subject, behaviour, asked, budget_seconds).certified(silent))
        case Network() | Transformer(), Given():
            net = subject if isinstance(subject, Transformer) else Transformer.of(subject)
            asked_of = SequencesAsked(model, 1 if beta is None else beta, name)
            return SequencesCertificate(SequencesRequest(net, behaviour, asked_of, budget_seconds).certified(silent))
        case Network() | Transformer(), Words():
            net = subject if isinstance(subject, Transformer) else Transformer.of(subject)
            of_words = WordsAsked(model, 1 if beta is None else beta, name)
            return WordsCertificate(WordsRequest(net, behaviour, of_words, budget_seconds).certified(silent))
    raise TypeError(
        f"{type(behaviour).__name__} of a {type(subject).__name__} is not judged; give Inputs or EveryRun of a "
        "TuringMachine, a Theory of a Network, or Given sequences or Words of a Transformer or a Network"
    )


OPTIONS = {
    Inputs: (),
    EveryRun: ("tokens",),
    Theory: ("context", "tokens"),
    Given: ("name",),
    Words: ("name",),
    KernelInputs: (),
}
"""Refuse options that do not go with the behaviour."""


def _require_options(subject: object, behaviour: object, **given: bool) -> None:
    for option, is_given in given.items():
        if is_given and option not in OPTIONS.get(type(behaviour), (option,)):
            raise TypeError(f"{option} does not go with {type(behaviour).__name__} of a {type(subject).__name__}")


def _model(arithmetic: str, *, of_networks: bool = False) -> ArithmeticModel:
    if not isinstance(arithmetic, str):
        raise ModelError(f"the arithmetic is {arithmetic!r}; give a text, such as 'fused:bf16'")
    return parse_arithmetic(arithmetic, of_networks=of_networks)


# ---------------------------------------------------------------------------- networks of any exact weights


def save_transformer(net: Transformer, path: str | Path, *, force: bool = False) -> Path:
    """Write the network document (`certificates/NETWORKS.md`, 1); `load_transformer` reads it back.

    Raises FileRefused if there is a file that says something else, unless ``force``.
    """
    place = Path(path)
    Output(place.parent, force).write({place.name: network_bytes(net)})
    return place


# ---------------------------------------------------------------------------- checks


def check(
    certificate: str | Path,
    *,
    theory: Theory | None = None,
    machine: TuringMachine | str | Path | None = None,
    network: Transformer | Network | str | Path | None = None,
    function: str | None = None,
    budget_seconds: int = SECONDS,
) -> Valid:
    """What the checker, which imports nothing of what made a certificate, finds valid about it.

    The certificate has to be about this machine (a value, a name of the library, a file), with our theory unless one is
    given; about this theory with its parameters; about given sequences and this network, or the network of this
    document; or it has to approximate this function.  A certificate about given sequences names them, and its network
    is in the same folder, so it can be checked as it is.

    Errors: Rejected if it is not valid, or about something else; BadInput if there is nothing to judge; MachineError
    for something that is not a machine; TooLarge and Undecided if it is not judged.
    """
    path = Path(certificate)
    whole("budget_seconds", budget_seconds)
    given = [one for one in (network, function, machine if theory is None else theory) if one is not None]
    if len(given) > 1:
        raise BadInput(
            "give a machine, a theory or both; or a network; or a function: a certificate is about one of these"
        )
    if function is not None:
        return _valid(check_approximation(path, function, budget_seconds))
    if network is not None or (not given and names_its_subject(path)):
        return _valid(check_named(path, budget_seconds, _network_to_check(network)))
    if theory is not None:
        about = None if machine is None else machine_to_check(machine)
        text = theory.text.encode("utf-8")
        return _valid(check_theory(path, text, budget_seconds, theory.parameters, about))
    if machine is None:
        raise BadInput("give the machine, the theory, the network or the function that the certificate has to be about")
    ours, about = our_theory(path), machine_to_check(machine)
    if ours is not None:
        return _valid(check_theory(path, ours, budget_seconds, None, about))
    return _valid(checker.check_certificate(path, about, budget_seconds))


def _valid(found: checker.Valid) -> Valid:
    return Valid(**vars(found))


def _network_to_check(network: Transformer | Network | str | Path | None) -> Path | bytes | None:
    match network:
        case None:
            return None
        case Transformer():
            return network_bytes(network)
        case Network():
            return network_bytes(Transformer.of(network))
        case _:
            return Path(network)


# ---------------------------------------------------------------------------- audits


def audit(
    subject: TuringMachine | tuple[int, int, int],
    arithmetics: Iterable[str],
    contexts: Iterable[int],
    *,
    paradigm: Paradigm | str = Paradigm.COT,
) -> Audit:
    """Which beta, bits and sizes each arithmetic needs from a machine's network: a row for each arithmetic and context.

    ``subject``: a machine, or (tapes, states, tape symbols) for any machine.  That the hardmax network is right is
    taken as given; everything else is decided as `certify` decides it for every run.

    Errors: BehaviourError, ContextError for a context that holds no run, ModelError for an unknown arithmetic, or one
    in which scores are not exact at any beta.

    >>> import exactformer as ef
    >>> [row.verdict.value for row in ef.audit((1, 6, 5), ["fused:bf16", "rounded:e5m2"], [2**10]).rows]
    ['proved', 'inconclusive']
    """
    about = Subject.of_machine(subject) if isinstance(subject, TuringMachine) else sizes_subject(subject, str(subject))
    if isinstance(arithmetics, str):
        raise ModelError(f"the arithmetics are {arithmetics!r}; give a list of texts")
    return Audit.of(
        about,
        paradigm_of(paradigm),
        [_model(one) for one in arithmetics],
        [whole("context", context) for context in contexts],
    )
