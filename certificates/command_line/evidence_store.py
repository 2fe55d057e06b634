"""``--store`` and ``--no-store``: without a store proofs take longer; so one that cannot be used is a warning only."""

from __future__ import annotations

from pathlib import Path

import click

from exactformer.verify.annotation.evidence import StoreError, default_store


def warn(error: StoreError) -> None:
    """Say what is wrong with the store, on stderr."""
    click.echo(f"Warning: {error}; going on without it.", err=True)


def store_path(store: Path | None, no_store: bool) -> Path | None:
    """Where the store is to be; None without one."""
    try:
        return None if no_store else store or default_store()
    except StoreError as error:
        warn(error)
        return None
