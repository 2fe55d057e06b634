"""The command ``exactformer``: what can be typed.  What each subcommand does is in the module of its name, imported
when it is used, so that every ``--help`` is quick.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import click
from click.core import ParameterSource

from exactformer.certificates.command_line.help import Group
from exactformer.certificates.command_line.numbers import (
    auto_or_power_of_two,
    number_of,
    numbers_of,
    power_of_two,
    rational,
)
from exactformer.certificates.command_line.outcome import EXIT_CODES, InputRefused, code_of
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.verdict import Verdict

Declared: TypeAlias = Any
"""A function, or a command, that has options."""
Decorator: TypeAlias = Callable[[Declared], Declared]
MOST_TOKENS_COMPARED, MOST_COORDINATES = 1024, 8
"""The high-precision construction is counted up to so many tokens, and coordinates of one."""
TOKENS = number_of("tokens")
CONTEXT = click.option(
    "--context",
    metavar="N",
    type=TOKENS,
    help="Context length in tokens, like 1000 or 2^20.  Default: the smallest that fits.",
)
PARADIGM = click.option(
    "--paradigm",
    type=click.Choice(["cot", "scot"]),
    default="cot",
    show_default=True,
    callback=lambda _context, _option, name: Paradigm(name),
    help="Chain of thought, or summarized chain of thought.",
)
MAX_STEPS = click.option(
    "--max-steps",
    metavar="T",
    type=number_of("steps"),
    default=1_000_000,
    show_default=True,
    help="Give up on a machine that has not halted after so many steps.",
)
ARITHMETIC = click.option(
    "--arithmetic",
    metavar="A",
    default="fused:bf16",
    show_default=True,
    help="fused:W, fused:W/ACC/A, rounded:W/A, rounded:W/ACC/A or exact, steps after them, or kernel:NAME; "
    "formats: fp32 bf16 fp16 e4m3fn e5m2 fixedF float(p,emin,emax).  See exactformer arithmetics.",
)
FORCE = click.option("--force", is_flag=True, help="Replace files that are there and differ.  Default: keep them.")


def beta_that(chooses: str) -> Decorator:
    """A beta, or the one that the command chooses."""
    return click.option(
        "--beta",
        metavar="auto|B",
        type=auto_or_power_of_two,
        default="auto",
        show_default=True,
        help=f"What scores are multiplied with: a power of two; auto is the {chooses}.",
    )


def json_of(what: str) -> Decorator:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help=f"Print {what} as JSON.")


def rows(command: Declared) -> Declared:
    """How rows are printed, and that they are drawn."""
    plot = click.option(
        "--plot",
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Draw the rows: .svg or .png; needs matplotlib.",
    )
    as_csv = click.option("--csv", "as_csv", is_flag=True, help="Print the rows as CSV.")
    return as_csv(json_of("the rows")(plot(FORCE(command))))


@click.group(
    cls=Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
)
@click.version_option(package_name="exactformer", prog_name="exactformer")
@click.pass_context
def cli(context: click.Context) -> None:
    """Certificates, in exact arithmetic, of what low-precision softmax transformers compute."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


@cli.command("certify", short_help="Prove that a softmax transformer does what MACHINE does.", epilog=EXIT_CODES)
@click.argument("machine")
@click.option("--input", "inputs", metavar="W", multiple=True, help="An input word; may be repeated.")
@click.option("--all-inputs", is_flag=True, help="Every input whose chain of thought fits the context: a proof.")
@click.option(
    "--sequences",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="MACHINE is a network document, of any exact weights; FILE lists {tokens, asked} in YAML or JSON.",
)
@PARADIGM
@CONTEXT
@ARITHMETIC
@beta_that("smallest that certifies")
@click.option(
    "--space",
    metavar="S",
    type=number_of("cells"),
    help="With --all-inputs --paradigm scot: inputs whose run stays within S cells; gives the context, too.",
)
@click.option(
    "--assume-writes-per-cell",
    "assumed_writes",
    metavar="M",
    type=number_of("writes"),
    help="With --all-inputs: only inputs that write no cell more often; the claim says so.",
)
@click.option(
    "--claim",
    type=click.Choice(["activations", "tokens"]),
    default="activations",
    show_default=True,
    help="With --all-inputs: what to claim; tokens may be right where activations are not the hardmax ones.",
)
@click.option(
    "--budget",
    metavar="S",
    type=click.IntRange(min=1),
    default=600,
    show_default=True,
    help="With --all-inputs: seconds for the proof; if it takes longer, nothing is said.",
)
@MAX_STEPS
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("."),
    help="Where to write certificate and weights.  Default: here.",
)
@FORCE
@json_of("the certificate's content and the files")
def certify(out: Path, force: bool, as_json: bool, **typed: Any) -> None:
    """Certify that a softmax transformer in the given arithmetic generates the chain of thought of MACHINE exactly,
    token for token: on the words given with --input, which are replayed; or, with --all-inputs, in every run that
    fits, halting or not, which is proved.

    With --sequences FILE, MACHINE is a network document (certificates/NETWORKS.md), a transformer of any exact weights:
    certify that it ranks the expected token first at each position asked about, at beta = 1 unless it is given."""
    from exactformer.certificates.command_line.certify import Typed, execute
    from exactformer.certificates.files import Output

    execute(Typed(**typed), Output(out, force), as_json)


@cli.command("check", short_help="Check a certificate, independently of what made it.")
@click.argument("certificate", type=click.Path(path_type=Path))
@click.option(
    "--machine",
    metavar="MACHINE",
    help="The machine that the certificate has to be about.",
)
@click.option(
    "--function",
    metavar="NAME",
    help="Instead, for a certificate of approximation: the function that it has to be about.",
)
@click.option(
    "--theory",
    metavar="FILE",
    help="For a certificate about a theory: the file or the name of that theory.  For one about a machine's runs "
    "--machine is enough: our theory is found by its name.",
)
@click.option(
    "--network",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="For a certificate about sequences, which needs none of these: its network, if it does not lie beside it.",
)
@click.option(
    "--budget",
    metavar="S",
    type=click.IntRange(min=1, max=999_999),
    default=600,
    show_default=True,
    help="Seconds for all of the check; if it takes longer, nothing is judged.",
)
@click.option(
    "--expect",
    "expected",
    type=click.Choice(["positive", Verdict.REFUTED.value, Verdict.INCONCLUSIVE.value]),
    default="positive",
    show_default=True,
    help="What the certificate has to say for exit code 0.",
)
@json_of("the result")
def check(**typed: Any) -> None:
    """Check CERTIFICATE against MACHINE: simulate the machine, replay the network from its weights, or prove for all
    inputs what the certificate says of it; redo every inequality.  The checker imports nothing of what made the
    certificate.

    With --function NAME instead, a certificate of approximation: follow all cells through the layers that quantise, run
    the others on all sequences of corners, exactly; redo every inequality.  Of a function that the certificate only
    states, its values, bound and modulus are assumed.

    With --theory FILE, a certificate about a theory: every token sequence that the theory describes.  With --machine
    besides, its parameters have to be the tables of that machine.

    A certificate about given sequences names them and needs none of these: run its network with hardmax exactly,
    enclose the softmax network in intervals of rationals.

    Exit codes: 0 valid, and it says that the claim holds (or what --expect says), 1 not valid, or it says the opposite,
    2 unreadable input, or no certificate, 3 valid but inconclusive, 4 not judged: too large for the checker, or not
    decided in time.
    """
    from exactformer.certificates.command_line.check import execute

    execute(**typed)


@cli.command("run", short_help="Show the chain of thought of MACHINE, token by token.", epilog=EXIT_CODES)
@click.argument("machine")
@click.argument("word", metavar="W")
@PARADIGM
@CONTEXT
@MAX_STEPS
@click.option(
    "--decode",
    "by_decoding",
    is_flag=True,
    help="Generate token by token from the prompt alone (slow) instead of checking the whole run in one pass.",
)
@json_of("the tokens")
def show_run(**typed: Any) -> None:
    """Show the chain of thought of MACHINE on the word W, in exact integers, and say what its tokens mean.

    Every token after the prompt is the unique best next token of the hardmax transformer.  If one is not, the
    command says where and ends with exit code 1.
    """
    from exactformer.certificates.command_line.run import execute

    execute(**typed)


@cli.command("sweep", short_help="Verify, or prove, thousands of random machines.")
@click.option(
    "--machines",
    metavar="M",
    type=number_of("machines", high=1 << 32),
    default=1000,
    show_default=True,
    help="How many.",
)
@click.option("--seed", metavar="S", type=int, default=0, show_default=True, help="Which sweep.")
@click.option("--workers", metavar="W", type=click.IntRange(min=1), help="Processes.  Default: one per core.")
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("sweep.jsonl"),
    show_default=True,
    help="Results, one line per machine; an interrupted sweep goes on from what it has.",
)
@click.option(
    "--all-inputs",
    is_flag=True,
    help="Instead of replaying runs, prove the chain of thought for every input that fits.",
)
@click.option(
    "--context",
    metavar="N",
    type=TOKENS,
    default=256,
    show_default=True,
    help="With --all-inputs: context length in tokens.  A machine takes some seconds; more, the longer.",
)
@ARITHMETIC
@json_of("the summary")
def sweep(all_inputs: bool, context: int, arithmetic: str, **typed: Any) -> None:
    """Verify every token of random machines' runs, chain of thought and summarized, in exact integers; or, with
    --all-inputs, prove each machine for every run that fits.

    Exit codes: 0 every token predicted, or every machine proved, 1 a token is not, 2 bad input, 3 a machine is not
    proved, 130 interrupted (what is done is kept).
    """
    if all_inputs:
        from exactformer.certificates.command_line import sweep_all

        sweep_all.execute(context=context, arithmetic=arithmetic, **typed)
    from exactformer.certificates.command_line.sweep import execute

    execute(**typed)


@cli.command("lemmas", short_help="Re-prove the lemmas that the constructions rely on.")
@click.option(
    "--width",
    "widths",
    metavar="R",
    multiple=True,
    help="Bits of a position, or a range like 2..32; may be repeated.  Default: 8 and 16; with --mutate, 3.",
)
@click.option(
    "--only",
    metavar="ID",
    multiple=True,
    help="A lemma, or a family like gadget, and what it rests on; may be repeated.",
)
@click.option(
    "--budget", metavar="S", type=click.IntRange(min=0), help="Seconds for one lemma at one width.  Default: 60."
)
@click.option(
    "--mutate",
    "by_mutation",
    is_flag=True,
    help="Change every weight of every gadget, and see whether its lemma notices.",
)
@json_of("statements, verdicts and evidence")
def lemmas(**typed: Any) -> None:
    """Re-prove the lemmas that the constructions rely on: about gadgets, on their concrete weights, look-ups,
    dimensions and rounding.  A lemma that does not hold is shown with a counterexample.

    Exit codes: 0 all proved, 1 one refuted (or a change of weights missed), 2 bad input, 3 one inconclusive.
    """
    from exactformer.certificates.command_line.lemmas import execute

    execute(**typed)


@cli.command("audit", short_help="Say which beta, bits and sizes each arithmetic asks for.")
@click.argument("machine", required=False)
@click.option("--dims", metavar="K,Q,G", help="Instead of a MACHINE: tapes, states and tape symbols of any.")
@PARADIGM
@click.option(
    "--context",
    "contexts",
    metavar="N,..",
    type=numbers_of("tokens"),
    default="2^4..2^64",
    show_default=True,
    help="Context lengths in tokens: numbers, powers like 2^20, ranges of powers.",
)
@click.option(
    "--formats",
    metavar="F,..",
    default="fp32,bf16,fp16,e4m3fn,e5m2",
    show_default=True,
    help="Of attention weights and activations, W or W/A; fused models accumulate in fp32.",
)
@click.option("--models", metavar="M,..", default="rounded,fused", show_default=True, help="rounded, fused.")
@click.option(
    "--arithmetic",
    "arithmetics",
    metavar="A",
    multiple=True,
    help="Instead of --formats and --models: one arithmetic, as for certify; may be repeated.",
)
@rows
def audit(as_csv: bool, as_json: bool, plot: Path | None, force: bool, **typed: Any) -> None:
    """Say what each arithmetic asks of the network of MACHINE, or of any machine of a size: for which contexts the
    rounding inequalities hold, at which beta, with which parameters and bits.  That the hardmax network is right is
    assumed; all else is decided as `certify --all-inputs` decides it.

    Exit codes: 0 the rows are printed, whatever they say, 2 bad input, 4 an arithmetic that admits no beta (nothing is
    written).
    """
    from exactformer.certificates.command_line.audit import Asked, execute

    given = click.get_current_context().get_parameter_source
    if typed["arithmetics"] and any(given(name) is ParameterSource.COMMANDLINE for name in ("formats", "models")):
        raise InputRefused("--arithmetic takes the place of --formats and --models: leave those out")
    execute(Asked(**typed), as_csv, as_json, plot, force)


@cli.command("compare", short_help="Put the high-precision construction beside the ternary.")
@click.option("--machine", metavar="MACHINE", help="The machine of the ternary construction.")
@click.option("--dims", metavar="K,Q,G", help="Instead: tapes, states and tape symbols of any.  Default: 1,6,5.")
@click.option(
    "--context",
    "contexts",
    metavar="N,..",
    type=numbers_of("tokens", MOST_TOKENS_COMPARED),
    default="2^1..2^6",
    show_default=True,
    help="Tokens, of both: numbers, powers like 2^5, ranges of powers.",
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
    help="Side of a cell: one for all N; or, for each N, the largest for which Lemma 6 is stated, 1/(N + 2); or the "
    "largest at which N columns can be distinct.",
)
@click.option("--positional", is_flag=True, help="The high-precision construction with positional encoding.")
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


@cli.command("arithmetics", short_help="List number formats, steps of kernels, named kernels.")
@json_of("the lists")
def arithmetics(as_json: bool) -> None:
    """List what --arithmetic takes: number formats, steps, and named kernels with what is believed of them."""
    from exactformer.certificates.command_line.arithmetics import execute

    execute(as_json)


@cli.command("export", short_help="Write a certified network for PyTorch or ONNX Runtime.")
@click.argument("certificate", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "target",
    type=click.Choice(["torch", "onnx", "safetensors"]),
    required=True,
    help="torch: parameters, config.json, model.py; onnx: one graph; safetensors: parameters.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("."),
    help="Where to write.  Default: here.",
)
@FORCE
@click.option(
    "--dtype",
    type=click.Choice(["bf16", "fp16", "fp32"]),
    help="Of parameters and activations.  Default: the certificate's activation format; of another nothing is claimed.",
)
@click.option(
    "--context",
    metavar="N",
    type=TOKENS,
    help="A table of so many positions.  Default: the certificate's context.",
)
@click.option(
    "--head-width",
    metavar="D",
    type=number_of("coordinates", high=1 << 20),
    help="A power of 4.  Default: the least that fits; with a power of 16 torch's MATH backend has exact scores, too.",
)
@click.option("--beta", metavar="B", type=power_of_two, help="Another power of two; needs --unproved.")
@click.option("--unproved", is_flag=True, help="Export what is refuted or inconclusive, too; the metadata say so.")
def export(out: Path, force: bool, **typed: Any) -> None:
    """Write the network of CERTIFICATE as a plain decoder that PyTorch or ONNX Runtime can run, with the certificate's
    SHA-256 in its metadata.  The certificate is about an arithmetic model; that a kernel computes in it is not claimed.

    Exit codes: 0 written, 2 bad input, or a format that does not hold the numbers exactly (nothing is written).
    """
    from exactformer.certificates.command_line.export import execute
    from exactformer.certificates.export.prepare import Request
    from exactformer.certificates.files import Output

    execute(Request(**typed), Output(out, force))


@cli.command("approximate", short_help="Build a network within E of a function, and prove it.")
@click.option(
    "--function",
    "function",
    metavar="F",
    required=True,
    help="sort, running-maximum, attention, polynomial, or FILE.py:NAME, which also defines NAME_modulus.",
)
@click.option("--n", "n", metavar="N", type=int, required=True, help="Tokens, at least 2.")
@click.option("--dim", "d", metavar="D", type=int, default=1, show_default=True, help="Coordinates of a token.")
@click.option("--epsilon", metavar="E", type=rational, required=True, help="Accuracy, like 1/4.")
@click.option("--p", "p", metavar="P", type=int, default=2, show_default=True, help="Accuracy in L^P.")
@click.option(
    "--delta", metavar="1/M", type=rational, help="Side of a cell.  Default: the largest that gives the accuracy."
)
@click.option("--positional", is_flag=True, help="With positional encoding, also where F is equivariant.")
@click.option("--standard-form", is_flag=True, help="Also with softmax and ReLUs: lambda, ramps, error.")
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write certificate and network.  Default: here.",
)
@FORCE
@json_of("the certificate's content and the files")
def approximate(out: Path | None, force: bool, as_json: bool, **typed: Any) -> None:
    """Build the high-precision network (quantise, map contextually, read off) that approximates F on [0, 1)^(D x N),
    and prove its error: rational bounds in L^P, and for every entry off a set of stated measure, given the modulus of
    continuity that is stated with F.  Where that is proved, and the network is not too large, a certificate is written,
    which `exactformer check` checks; it is about the network with hardmax, not about --standard-form.

    Exit codes: 0 proved, 2 bad input (nothing is written), 3 not all lemmas are proved, which are enough for it,
    4 proved, but too large for the certificate that --out asks for.
    """
    from exactformer.certificates.command_line.approximate import Asked, execute
    from exactformer.certificates.files import Output

    execute(Asked(**typed), Output(out or Path("."), force), out is not None, as_json)


@cli.command("counterexample", short_help="Look for a run on which the arithmetic errs in a token.")
@ARITHMETIC
@click.option("--context", metavar="N", type=TOKENS, required=True, help="Context length in tokens.")
@click.option("--machine", metavar="MACHINE", help="Only runs of this machine.  Default: of the whole library.")
@click.option("--input", "words", metavar="W", multiple=True, help="With --machine: this word only; may be repeated.")
@beta_that("one that certifies most")
@click.option(
    "--order",
    type=click.Choice(["left-to-right", "pairwise-denominator", "both"]),
    default="both",
    show_default=True,
    help="In which order a fused arithmetic sums.",
)
@click.option(
    "--tokens",
    "most_tokens",
    metavar="T",
    type=number_of("tokens"),
    default=20_000,
    show_default=True,
    help="Stop after runs of so many tokens in all.",
)
@json_of("all runs tried")
def counterexample(as_json: bool, **typed: Any) -> None:
    """Look for a run that fits N tokens and on which the softmax transformer, in the given arithmetic, generates a
    wrong token: each run that is tried is computed in exact numbers, and what is found is where it goes wrong.

    Exit codes: 1 refuted, a wrong token is found, 0 proved, as the rounding inequalities hold for these machines
    (nothing is run), 3 inconclusive, no wrong token on the runs tried, 2 bad input, 4 an arithmetic in which runs are
    not computed.
    """
    from exactformer.certificates.command_line.counterexample import Asked, execute

    execute(Asked(**typed), as_json)


@cli.command("contextual-mapping", short_help="Decide whether one layer tells all columns apart.")
@click.option(
    "--layer",
    type=click.Choice(["bilinear", "convolution", "attention", "hardmax"]),
    required=True,
    help="Bilinear projection, separable convolution, plain attention heads with softmax or hardmax.",
)
@click.option("--n", "n", metavar="N", type=int, required=True, help="Tokens.")
@click.option("--dim", "d", metavar="D", type=int, default=1, show_default=True, help="Coordinates of a token.")
@click.option("--delta", metavar="1/M", type=rational, required=True, help="Side of a cell.")
@click.option(
    "--weights",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON: output and projection; output and kernel; or heads, each query, key, value, output.  Default: "
    "identities, an average, a kernel of three ones.",
)
def contextual_mapping(**typed: Any) -> None:
    """Decide whether one layer tells the columns of all grid sequences with distinct columns apart, as the contextual
    mapping of the high-precision construction does: a proof by enumeration, or two columns that become the same.

    Exit codes: 0 it does, 1 it does not, 2 bad input.
    """
    from exactformer.certificates.command_line.contextual_mapping import execute

    execute(**typed)


@cli.command("machines", short_help="List the machines of the library, or print a machine.")
@click.argument("machine", required=False)
@json_of("the list")
def machines(machine: str | None, as_json: bool) -> None:
    """List the machines of the library.  With a MACHINE, print its text, to be copied and changed; of a busy beaver
    that is the one-way machine which it is folded onto."""
    from exactformer.certificates.command_line.machines import execute

    execute(machine, as_json)


def execute(arguments: list[str]) -> None:
    """Do what the arguments ask for; how it ends is an exception, as `code_of` reads them."""
    if "_EXACTFORMER_COMPLETE" in os.environ:  # a shell asks what can be typed next
        cli.main(arguments, "exactformer")
    with cli.make_context("exactformer", arguments) as context:
        cli.invoke(context)


def main() -> None:
    """The command in this process, as tests call it; `exactformer.__main__` is the program."""
    sys.exit(code_of(lambda: execute(sys.argv[1:])))
