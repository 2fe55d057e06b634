"""The console that reports are printed on."""

from __future__ import annotations

from rich.console import Console


class ReportConsole(Console):
    """Standard output; a reader that goes away, as ``head`` does, is no verdict."""

    def on_broken_pipe(self) -> None:
        """Leave it to the command line: rich would end with exit code 1, which means refuted."""
        raise BrokenPipeError
