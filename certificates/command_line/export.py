"""``exactformer export``: a certificate's network as files for PyTorch, ONNX Runtime or whatever reads safetensors."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from math import isqrt
from pathlib import Path

from certificates.command_line.console import Facts, Part, show
from certificates.command_line.outcome import InputRefused, refusing
from certificates.export.prepare import Export, Request, prepare
from certificates.export.source import ExportError
from certificates.export.targets import Files, files_of


def execute(request: Request, out: Path) -> None:
    """Write the files, all or none of them, and say what they are and what is claimed."""
    with refusing(ExportError):
        export = prepare(request)
        files = files_of(export, request.target)
        written = write_files(files, out)
    show(report(export, written))


def write_files(files: Files, folder: Path) -> list[Path]:
    """Make all contents, put them into a temporary folder inside the target, and only then under their names."""
    made_folder = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryDirectory(dir=folder, prefix=".export.") as staging:
                for name, content in files.items():
                    (Path(staging) / name).write_bytes(content())
                return [(Path(staging) / name).replace(folder / name) for name in files]
        except BaseException:
            if made_folder:
                folder.rmdir()
            raise
    except OSError as error:
        raise InputRefused(f"cannot write to {folder}: {error.strerror}; give another --out") from error


def report(export: Export, written: Sequence[Path]) -> list[Part]:
    """What was exported, in a few lines."""
    shape, split, metadata = export.dense.shape, export.dense.split, export.metadata
    return [
        Facts(
            (
                ("machine", export.source.machine),
                (
                    "network",
                    f"{shape.layers} layers, {shape.heads} heads of width {shape.head_width}, d = {shape.width}, "
                    f"d_ff = {shape.hidden}, {shape.vocabulary} tokens, {shape.context} positions",
                ),
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
