"""``exactformer export``: a certificate's network as files for PyTorch, ONNX Runtime or whatever reads safetensors."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

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
    for line in report(export):
        click.echo(line)
    for path in written:
        click.echo(f"written     {path}")


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


def report(export: Export) -> list[str]:
    """What was exported, in a few lines."""
    shape, metadata = export.dense.shape, export.metadata
    return [
        f"{export.source.machine}: {shape.layers} layers, {shape.heads} heads of width {shape.head_width}, "
        f"d = {shape.width}, d_ff = {shape.hidden}, {shape.vocabulary} tokens, {shape.context} positions",
        f"parameters  {shape.parameters} in {export.dtype}",
        f"beta        {export.dense.beta}; W_Q x {export.dense.split.query}, W_K x {export.dense.split.key}, over "
        "the root of the head width",
        f"claimed     {metadata['claimed']}",
        f"not claimed {metadata['not_claimed']}",
        f"run it as   {metadata['runtimes']}",
        f"certificate sha256 {export.source.sha256}",
    ]
