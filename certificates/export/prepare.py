"""From a certificate to a decoder in integers: what can be asked for, what is refused, and what the metadata say.

read -> dense integers -> is the format exact? -> metadata;  :mod:`targets` makes the files
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from exactformer.certificates import names
from exactformer.certificates.export.dense import Dense, densify
from exactformer.certificates.export.exactness import DTYPES, require_exact
from exactformer.certificates.export.runtimes import runtimes_of
from exactformer.certificates.export.source import ExportError, Source, read_source
from exactformer.verify.verdict import Verdict

Metadata = dict[str, str]


@dataclass(frozen=True)
class Request:
    """What is asked for; None means what the certificate says (for ``head_width``, the least).

    ``unproved``: export even if nothing is claimed, because of the verdict or of another beta.
    """

    certificate: Path
    target: str
    dtype: str | None = None
    context: int | None = None
    beta: int | None = None
    head_width: int | None = None
    unproved: bool = False


@dataclass(frozen=True)
class Export:
    """A decoder in integers, its metadata, and the number format it is written in."""

    source: Source
    dense: Dense
    dtype: str
    metadata: Metadata

    @property
    def name(self) -> str:
        """The name of its files, without their ending."""
        shape, source = self.dense.shape, self.source
        return names.of_export(
            source.name,
            source.paradigm,
            shape.context,
            self.dtype,
            certificate=source.sha256,
            beta=self.dense.beta,
            head_width=shape.head_width,
        )


def prepare(request: Request) -> Export:
    """Everything but the files.  Raises ExportError if nothing can be exported as asked."""
    source = read_source(request.certificate)
    if not source.established and not request.unproved:
        raise ExportError(
            f"the verdict of {request.certificate.name} is {source.verdict.value}; give --unproved to export it"
        )
    if request.beta not in (None, source.beta) and not request.unproved:
        raise ExportError(f"the certificate is about beta {source.beta}; give --unproved to export with another beta")
    dtype = request.dtype or _own_dtype(source)
    for_torch, for_onnx = request.target == "torch", request.target == "onnx"
    dense = densify(source, request.context, request.beta, request.head_width, may_factor=for_torch, even=for_onnx)
    require_exact(dense, dtype, source.largest_score)
    return Export(source, dense, dtype, metadata_of(source, dense, dtype))


def _own_dtype(source: Source) -> str:
    """The format of the certificate's activations, if runtimes support it."""
    name = source.arithmetic.activations
    if name not in DTYPES:
        about = f"the activations of {source.arithmetic.text} are {name or 'real numbers'}"
        raise ExportError(f"{about}, which no runtime here has; choose bf16, fp16 or fp32 with --dtype")
    return name


def metadata_of(source: Source, dense: Dense, dtype: str) -> Metadata:
    """What travels with the parameters, as text: where they are from, and what is claimed about them."""
    return {
        "certificate_sha256": source.sha256,
        "weights_sha256": source.weights_sha256,
        "about": source.name,
        "about_sha256": source.subject_sha256,
        "paradigm": source.paradigm,
        "verdict": source.verdict.value,
        "arithmetic": source.arithmetic.text,
        "certificate_beta": str(source.beta),
        "certificate_context": str(source.context),
        "beta": str(dense.beta),
        "context": str(dense.shape.context),
        "dtype": dtype,
        "claimed": _claimed(source, dense, dtype),
        "not_claimed": _not_claimed(source, dtype),
        "runtimes": _runtimes(source, dtype),
    }


def _runtimes(source: Source, dtype: str) -> str:
    """Which runtimes compute in the arithmetic, in the format that the parameters are written in."""
    if dtype != source.arithmetic.activations:
        return f"you like: the certificate is about {source.arithmetic.activations}, not {dtype}"
    return ", ".join(map(str, runtimes_of(source.arithmetic))) or "you like: no runtime is known to compute like this"


def _not_claimed(source: Source, dtype: str) -> str:
    """The assumption that kernels compute as the arithmetic says; what is exact, and what may drift (DRIFT)."""
    linear = source.arithmetic.linear
    held = "computed with real numbers" if linear is None else f"held in {linear}"
    around = f"weights, sums of MLPs, residual sums and logits {held}"
    if source.verdict is Verdict.TOKENS_PROVED:
        exact = (
            f"takes {around} as exact, even if activations are not ternary: the claim does not cover a kernel that "
            f"rounds them to {dtype}."
        )
    else:
        exact = f"is about {around}; on ternary activations they are exact in {dtype}, too, if terms are added in fp32."
    return f"It is not claimed that a kernel computes in this arithmetic model. The claim {exact}"


def _claimed(source: Source, dense: Dense, dtype: str) -> str:
    if not source.established:
        return f"Nothing: the verdict of the certificate is {source.verdict.value}."
    if dense.beta != source.beta:
        return f"Nothing: the certificate is about beta {source.beta}, and this is exported with beta {dense.beta}."
    if dtype != source.arithmetic.activations:
        about = f"its activations are {source.arithmetic.activations or 'real numbers'}"
        return f"Nothing about {dtype}: the certificate is about {source.arithmetic.text}, {about}."
    return source.claim
