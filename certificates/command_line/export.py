"""``exactformer export``: a certificate's network as files for PyTorch, ONNX Runtime or whatever reads safetensors."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from pathlib import Path

from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.outcome import refusing
from exactformer.certificates.export.dense import Dense
from exactformer.certificates.export.prepare import Export, Request, prepare
from exactformer.certificates.export.source import ExportError
from exactformer.certificates.export.targets import files_of
from exactformer.certificates.files import FileRefused, Output
from exactformer.certificates.reports.layout import Facts, Part


def execute(request: Request, output: Output) -> None:
    """Write the files, all or none of them, and say what they are and what is claimed."""
    with refusing(ExportError, FileRefused):
        output.require_folder()
        export = prepare(request)
        written = output.write({name: content() for name, content in files_of(export, request.target).items()})
    show(report(export, [output.folder / name for name in written]))


def report(export: Export, written: Sequence[Path]) -> list[Part]:
    """What was exported, in a few lines."""
    shape, split, metadata = export.dense.shape, export.dense.split, export.metadata
    return [
        Facts(
            (
                ("about", export.source.name),
                (
                    "network",
                    f"{shape.layers} layers of up to {max(shape.heads)} heads of width {shape.head_width}, "
                    f"d = {shape.width}, d_ff up to {max(shape.hidden)}, {shape.context} positions",
                ),
                ("vocabulary", _vocabulary(export.dense)),
                ("parameters", f"{shape.parameters:,} in {export.dtype}"),
                (
                    "beta",
                    f"{export.dense.beta} = {split.query} in W_Q x {split.key} in W_K / {isqrt(shape.head_width)}, the "
                    "root of the heads' width",
                ),
                ("claimed", metadata["claimed"]),
                ("not claimed", metadata["not_claimed"]),
                ("run it as", metadata["runtimes"]),
                ("certificate", f"sha256 {export.source.sha256}"),
                *(("written", str(path)) for path in written),
            )
        )
    ]


def _vocabulary(dense: Dense) -> str:
    rows = dense.shape.vocabulary
    if dense.factored:
        return f"factored, {rows} rows: the tokens, as sums of those of family and fields, are too many for a table"
    return f"{rows} tokens"
