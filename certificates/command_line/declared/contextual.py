"""Commands about the high-precision construction: what can be typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from exactformer.certificates.command_line.numbers import numbers_of, rational
from exactformer.certificates.command_line.options import ARITHMETIC, FORCE, command, json_of, rows

MOST_TOKENS_COMPARED, MOST_COORDINATES = 1024, 8
"""The high-precision construction is counted up to this many tokens, and this many coordinates of a token."""


@command("approximate", short_help="Build a network within E of a function, and prove that.")
@click.option(
    "--function",
    "function",
    metavar="F",
    required=True,
    help="sort, running-maximum, attention, polynomial, or FILE.py:NAME; the file also defines NAME_modulus.",
)
@click.option("--n", "n", metavar="N", type=int, required=True, help="Number of tokens, at least 2.")
@click.option("--dim", "d", metavar="D", type=int, default=1, show_default=True, help="Coordinates of a token.")
@click.option(
    "--epsilon",
    metavar="E",
    type=rational,
    required=True,
    help="How far the network may be from the function, like 1/4.",
)
@click.option("--p", "p", metavar="P", type=int, default=2, show_default=True, help="The distance is that of L^P.")
@click.option(
    "--delta", metavar="1/M", type=rational, help="Side of a cell.  Default: the largest that gives this accuracy."
)
@click.option("--positional", is_flag=True, help="With positional encoding, even if F is permutation-equivariant.")
@click.option(
    "--standard-form", is_flag=True, help="Also report the network with softmax and ReLUs: lambda, ramps, error."
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the certificate and the network.  Default: the current one.",
)
@FORCE
@json_of("the certificate's content and the files")
def approximate(out: Path | None, force: bool, as_json: bool, **typed: Any) -> None:
    """Build the high-precision network (quantise, map contextually, read off) that approximates F on [0, 1)^(D x N),
    and prove rational bounds on its error: in L^P, and for every entry except on a set of stated measure, given the
    modulus of continuity that is stated with F.  If that is proved and the network is not too large, a certificate is
    written, which `exactformer check` checks.  It is about the network with hardmax, not about --standard-form.

    Exit codes: 0 proved, 2 bad input (nothing is written), 3 not all lemmas that the proof needs are proved, 4 proved,
    but too large for the certificate that --out asks for.
    """
    from exactformer.certificates.command_line.approximate import Asked, execute
    from exactformer.certificates.files import Output

    execute(Asked(**typed), Output(out or Path("."), force), out is not None, as_json)


@command("compare", short_help="Compare the high-precision construction with the ternary.")
@click.option("--machine", metavar="MACHINE", help="The machine of the ternary construction.")
@click.option(
    "--dims",
    metavar="K,Q,G",
    help="Instead of a machine: any with K tapes, Q states and G tape symbols.  Default: 1,6,5.",
)
@click.option(
    "--context",
    "contexts",
    metavar="N,..",
    type=numbers_of("tokens", MOST_TOKENS_COMPARED),
    default="2^1..2^6",
    show_default=True,
    help="Numbers of tokens, for both: numbers, powers like 2^5, ranges of powers.",
)
@click.option(
    "--dim",
    "dimensions",
    metavar="D,..",
    type=numbers_of("coordinates", MOST_COORDINATES),
    default="1,2",
    show_default=True,
    help="Coordinates of a token.",
)
@click.option(
    "--delta",
    metavar="1/M|as-stated|coarsest",
    default="as-stated",
    show_default=True,
    help="Side of a cell.  1/M: the same for all N.  as-stated: for each N the largest for which Lemma 6 is stated, "
    "1/(N + 2).  coarsest: for each N the largest at which N columns can be distinct.",
)
@click.option("--positional", is_flag=True, help="Give the high-precision construction a positional encoding.")
@ARITHMETIC
@rows
def compare(as_csv: bool, as_json: bool, plot: Path | None, force: bool, **typed: Any) -> None:
    """Put the high-precision construction (quantise, map contextually, read off) and the ternary one side by side, for
    the same number of tokens: depth, parameters, largest magnitude, significand bits.  A comparison of magnitudes and
    precision, not of equal tasks.

    Exit codes: 0 the rows are printed, whatever they say, 2 bad input (nothing is written).
    """
    from exactformer.certificates.command_line.compare import Asked, execute

    execute(Asked(**typed), as_csv, as_json, plot, force)


@command("contextual-mapping", short_help="Decide whether one layer tells all columns apart.")
@click.option(
    "--layer",
    type=click.Choice(["bilinear", "convolution", "attention", "hardmax"]),
    required=True,
    help="The layer: bilinear projection, separable convolution, or plain attention heads with softmax or hardmax.",
)
@click.option("--n", "n", metavar="N", type=int, required=True, help="Tokens.")
@click.option("--dim", "d", metavar="D", type=int, default=1, show_default=True, help="Coordinates of a token.")
@click.option("--delta", metavar="1/M", type=rational, required=True, help="Side of a cell.")
@click.option(
    "--weights",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The layer's weights in JSON: output and projection; output and kernel; or heads, each with query, key, "
    "value, output.  Default: identities, an average, a kernel of three ones.",
)
def contextual_mapping(**typed: Any) -> None:
    """Decide whether one layer tells the columns of all grid sequences with distinct columns apart, as the contextual
    mapping of the high-precision construction does.  The answer is a proof by enumeration, or two columns that become
    the same.

    Exit codes: 0 it does, 1 it does not, 2 bad input.
    """
    from exactformer.certificates.command_line.contextual_mapping import execute

    execute(**typed)
