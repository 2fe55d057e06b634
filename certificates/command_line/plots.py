"""What all drawings share: the same numbers give the same bytes, and files are written as all others are.

matplotlib is imported here only, and is optional (the extra ``bench``).
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from exactformer.certificates.command_line.outcome import InputRefused, refusing
from exactformer.certificates.files import FileRefused, Output


def _kind(path: Path) -> str:
    return path.suffix.lstrip(".").lower()


def require_plot(path: Path, force: bool) -> Output:
    """Before the work begins: where to write the figure, if it can be drawn and written there.  Raises InputRefused."""
    pyplot_for(path)
    output = Output(path.parent, force, "--plot")
    with refusing(FileRefused):
        output.require_place(path.name)
    return output


def write_plot(output: Output, path: Path, figure: bytes) -> None:
    """Write the figure.  Raises InputRefused."""
    with refusing(FileRefused):
        output.write({path.name: figure})


def drawn(plt: Any, figure: Any, path: Path) -> bytes:
    """The figure in the format that the path's ending names, without a date or a program's name; closes the figure."""
    written = io.BytesIO()
    unnamed = {"Date": None} if _kind(path) == "svg" else {"Software": None}
    figure.savefig(written, format=_kind(path), metadata=unnamed)
    plt.close(figure)
    return written.getvalue()


def pyplot_for(path: Path) -> Any:
    """matplotlib's pyplot, set so that it draws the same bytes again; the path has to end in .svg or .png."""
    if _kind(path) not in ("svg", "png"):
        raise InputRefused(f"--plot {path}: the name has to end in .svg or .png")
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise InputRefused("--plot needs matplotlib: install exactformer with the extra [bench]") from error
    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"] = "exactformer"
    from matplotlib import pyplot as plt

    return plt
