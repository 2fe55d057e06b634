"""Exported decoders in this process, and what the hardmax transformer has: for tests and benchmarks/runtime.py."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load
from torch.nn.attention import SDPBackend, sdpa_kernel

from exactformer.certificates.certify import Bundle, certify
from exactformer.certificates.certify import Request as CertifyRequest
from exactformer.certificates.certify_all import UniversalRequest, certify_all
from exactformer.certificates.document import sha256
from exactformer.certificates.export.prepare import Export, Request, prepare
from exactformer.certificates.export.runtimes import Runtime
from exactformer.certificates.export.safetensors_export import safetensors_bytes
from exactformer.certificates.export.templates.model import Decoder
from exactformer.certificates.export.torch_export import config
from exactformer.certificates.files import Output
from exactformer.certificates.theory_certificate import TheoryBundle
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import Run, trace
from exactformer.constructions.turing.behaviours import EveryRun, Inputs
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.fitting import check_context, smallest_context
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import TokenSequence, sequences_of
from exactformer.verify.arithmetic.models import parse_arithmetic
from exactformer.verify.hardmax.batch import embed
from exactformer.verify.hardmax.forward import stages
from exactformer.verify.hardmax.prepared import PreparedNetwork

torch.set_num_threads(1)  # Tests run in several processes; threads that wait for a core are far slower than one.

AnyBundle = Bundle | TheoryBundle
FEW = 8
"""How many exports are kept: one certificate is run in several ways."""
_WRITTEN: dict[tuple[str, Request], tuple[Export, bytes]] = {}


@dataclass(frozen=True)
class Said:
    """What a certificate says."""

    verdict: str
    claim: str
    context: int
    beta: int | None

    @classmethod
    def by(cls, bundle: AnyBundle) -> Said:
        document = json.loads(bundle.bytes)
        statement, beta = document["statement"], document["statement"]["beta"]
        return cls(document["verdict"], statement["claim"], int(statement["context"]), beta and int(beta))


@dataclass(frozen=True)
class Work:
    """A machine of the library on a word, in a paradigm: what a decoder has to write."""

    machine: str
    word: str
    paradigm: Paradigm = Paradigm.COT
    context: int | None = None
    """None: the smallest that the run fits."""

    def __str__(self) -> str:
        word = self.word if len(self.word) < 20 else f"{self.word[:8]}..."
        return f"{self.machine} {word or 'empty'} {self.paradigm.value}"

    @property
    def run(self) -> Run:
        return trace(load_machine(self.machine), self.word)

    @property
    def position_bits(self) -> int:
        context = self.context or smallest_context(self.paradigm, [self.run])
        return check_context(self.paradigm, [self.run], context)

    @property
    def sequences(self) -> tuple[TokenSequence, ...]:
        return sequences_of(self.paradigm, self.run, self.position_bits)


@cache
def activations(work: Work) -> tuple[NDArray[np.int8], ...]:
    """The hardmax transformer's activations at all tokens read, after every sublayer: [tokens of all segments, d]."""
    network = construct(work.paradigm, load_machine(work.machine), work.position_bits)
    prepared = PreparedNetwork(network)
    return tuple(stage.after.T for stage in stages(prepared, embed(prepared, work.sequences)))


@cache
def certified(work: Work, arithmetic: str, beta: int | None = None) -> Bundle:
    """The certificate about this one run."""
    machine, model = load_machine(work.machine), parse_arithmetic(arithmetic)
    runs = Inputs([work.word], paradigm=work.paradigm, context=work.context)
    return certify(CertifyRequest(machine, runs, model, beta))


@cache
def certified_for_all(machine: str, arithmetic: str, context: int) -> AnyBundle:
    """The certificate about every input whose chain of thought fits the context."""
    request = UniversalRequest(load_machine(machine), EveryRun(context), parse_arithmetic(arithmetic))
    return certify_all(request).written


@contextmanager
def on_disk(bundle: AnyBundle) -> Iterator[Path]:
    """The certificate's file, for a while."""
    with TemporaryDirectory() as folder:
        yield Output(Path(folder)).write_bundle(bundle).certificate


def exported(bundle: AnyBundle, request: Request) -> Export:
    """Everything but files; ``request`` with this certificate."""
    with on_disk(bundle) as path:
        return prepare(replace(request, certificate=path))


def written(bundle: AnyBundle, request: Request) -> tuple[Export, bytes]:
    """Also the parameters as a file has them; the last few are kept."""
    key = sha256(bundle.bytes), request
    if key not in _WRITTEN:
        while len(_WRITTEN) >= FEW:
            del _WRITTEN[next(iter(_WRITTEN))]
        export = exported(bundle, request)
        _WRITTEN[key] = export, safetensors_bytes(export)
    return _WRITTEN[key]


def decoder_of(export: Export, parameters: bytes, attention: str, device: str = "cpu") -> Decoder:
    """As `Decoder.load` makes it, from bytes; ``device``: ``cpu`` or ``cuda``."""
    with torch.device("meta"), without_initial_values():
        decoder = Decoder(config(export), attention)
    decoder.load_state_dict(load(parameters), assign=True)
    return decoder.eval().requires_grad_(False).to(device)


@contextmanager
def without_initial_values() -> Iterator[None]:
    """PyTorch draws no initial values for parameters, as all of them are loaded afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (torch.nn.Linear, torch.nn.Embedding):
            patch.setattr(module, "reset_parameters", lambda _: None)
        yield


@dataclass(frozen=True)
class Difference:
    """How a run in PyTorch differs from the machine's tokens, and from the hardmax transformer's activations."""

    tokens: int
    activations: int

    @property
    def none(self) -> bool:
        return self == Difference(0, 0)


def forward(decoder: Decoder, work: Work, segment: int, math: bool = False) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Logits [tokens read, vocabulary] of a segment and, after every sublayer, activations [tokens read, d].

    ``math``: with SDPA's backend MATH instead of the one it chooses.
    """
    named = named_sequences(work)[segment][: work.sequences[segment].read]
    tokens = [decoder.vocabulary.read(name) for name in named]
    behind: list[torch.Tensor] = []
    with sdpa_kernel(SDPBackend.MATH) if math else nullcontext(), torch.no_grad():
        logits = decoder(torch.tensor([tokens], device=decoder.lm_head.weight.device), None, behind)
    return logits[0].cpu(), [x[0].cpu() for x in behind]


def compare(decoder: Decoder, work: Work, math: bool = False) -> Difference:
    """One pass over each segment: how many next tokens and how many activations are not as they should be."""
    wrong_tokens = wrong_activations = first = 0
    for number, (sequence, named) in enumerate(zip(work.sequences, named_sequences(work), strict=True)):
        logits, behind = forward(decoder, work, number, math)
        best = decoder.vocabulary.best(logits[sequence.prompt - 1 : len(named) - 1]).tolist()
        produced = [decoder.vocabulary.name(token) for token in best]
        wrong_tokens += sum(map(str.__ne__, produced, named[sequence.prompt :]))
        for got, due in zip(behind, activations(work), strict=True):
            here = torch.from_numpy(np.ascontiguousarray(due[first : first + sequence.read]))
            wrong_activations += int((got != here.to(got.dtype)).sum())
        first += sequence.read
    return Difference(wrong_tokens, wrong_activations)


@cache
def named_sequences(work: Work) -> tuple[tuple[str, ...], ...]:
    """The tokens of each segment as `exactformer run` prints them."""
    vocabulary = construct(work.paradigm, load_machine(work.machine), work.position_bits).vocabulary
    return tuple(tuple(vocabulary.describe(token) for token in sequence.tokens) for sequence in work.sequences)


def names(decoder: Decoder, segments: Sequence[Sequence[int]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(decoder.vocabulary.name(token) for token in segment) for segment in segments)


def decoder_for(bundle: AnyBundle, runtime: Runtime, beta: int | None = None, device: str = "cpu") -> Decoder:
    """Export a certificate for a runtime, with another beta if one is given.

    For the MATH backend the head width is a power of 16, so that scores are exact there, too.
    """
    heads = [head for layer in json.loads(bundle.weights)["layers"] for head in layer["heads"]]
    widest = max(len(head[side]) for head in heads for side in ("query", "value"))
    width = power_of_16(widest) if runtime.math else None
    request = Request(Path(), "torch", beta=beta, head_width=width, unproved=True)
    return decoder_of(*written(bundle, request), runtime.attention, device)


def run_as(bundle: AnyBundle, runtime: Runtime, work: Work, beta: int | None = None, device: str = "cpu") -> Difference:
    """Export a certificate for a runtime, and compare."""
    return compare(decoder_for(bundle, runtime, beta, device), work, runtime.math)


def power_of_16(least: int) -> int:
    """The least power of 16 that is at least ``least``."""
    return 1 << ((least - 1).bit_length() + 3) // 4 * 4
