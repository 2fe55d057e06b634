"""Commands about certificates: what can be typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from exactformer.certificates.command_line.numbers import ends, number_of, numbers_of, power_of_two, rational
from exactformer.certificates.command_line.options import (
    ARITHMETIC,
    CONTEXT,
    FORCE,
    MAX_STEPS,
    PARADIGM,
    TOKENS,
    beta_that,
    command,
    json_of,
    pool,
    rows,
)
from exactformer.certificates.command_line.outcome import EXIT_CODES, InputRefused

SPACE = click.option(
    "--space",
    metavar="S",
    type=number_of("cells"),
    help="With --all-inputs --paradigm scot: inputs whose run stays within S cells; gives the context, too.",
)
WRITES = click.option(
    "--assume-writes-per-cell",
    "assumed_writes",
    metavar="M",
    type=number_of("writes"),
    help="With --all-inputs: only inputs that write no cell more often; the claim says so.",
)
CLAIM = click.option(
    "--claim",
    type=click.Choice(["activations", "tokens"]),
    default="activations",
    show_default=True,
    help="With --all-inputs: what to claim; tokens may be right where activations are not the hardmax ones.",
)


@command("certify", short_help="Prove that a softmax transformer does what MACHINE does.", epilog=EXIT_CODES)
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
@SPACE
@WRITES
@CLAIM
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


@command("batch", short_help="Certify many machines, in many arithmetics and contexts.", epilog=EXIT_CODES)
@click.argument("machines", metavar="MACHINE", nargs=-1, required=True)
@click.option("--input", "inputs", metavar="W", multiple=True, help="A word, instead of every run; may be repeated.")
@click.option("--all-inputs", is_flag=True, help="Every run that fits: a proof, and the default without --input.")
@PARADIGM
@click.option(
    "--contexts",
    metavar="N,..",
    type=numbers_of("tokens"),
    help="Context lengths in tokens: numbers, powers like 2^20, ranges of powers like 2^4..2^8.",
)
@click.option(
    "--arithmetics",
    metavar="A,..",
    default="fused:bf16",
    show_default=True,
    help="Arithmetics as `certify --arithmetic` has them, with commas between.",
)
@SPACE
@WRITES
@CLAIM
@click.option(
    "--budget",
    metavar="S",
    type=click.IntRange(min=1, max=999_999),
    default=600,
    show_default=True,
    help="Seconds for a row: one that takes longer is ended, and has no verdict; its check has as long.",
)
@click.option(
    "--memory",
    metavar="MIB",
    type=click.IntRange(min=1),
    help="Mebibytes for a row: one that needs more is ended, and has no verdict.  Default: no limit.",
)
@MAX_STEPS
@click.option("--check", is_flag=True, help="Have the independent checker check each certificate.")
@click.option("--again", is_flag=True, help="Try again what ended with an error before.")
@pool
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("batch"),
    show_default=True,
    help="Where to write certificates, and batch.jsonl, from which the same command goes on.",
)
@click.option(
    "--html",
    "page",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the table as a page that links to the certificates.",
)
@FORCE
@json_of("the table")
@click.option("--csv", "as_csv", is_flag=True, help="Print the table as CSV.")
def batch(
    machines: tuple[str, ...],
    contexts: tuple[int, ...] | None,
    arithmetics: str,
    workers: int | None,
    scheduler: str | None,
    out: Path,
    force: bool,
    memory: int | None,
    check: bool,
    again: bool,
    page: Path | None,
    as_json: bool,
    as_csv: bool,
    **typed: Any,
) -> None:
    """Certify each MACHINE, of any format, in each arithmetic and context, as `exactformer certify` does: a row each.
    MACHINE may be repeated, and may be a PATTERN in quotes, like 'machines/*.jff', that stands for files.

    A row has a verdict or an error, never both, and no error stops the rest.  Rows that were finished are kept; the
    same command does what is missing, or what was changed.  Rows of one machine and context use one proof.

    Exit codes: 0 every row is established; else 1 one is refuted, or its certificate not valid; else 4 one has an
    error, or the checker did not judge it; else 3 one is inconclusive.  As always, 2 is bad usage, and 5 a failure of
    the command, such as a scheduler that is gone."""
    from exactformer.certificates.command_line.batch import Many, Shown, execute
    from exactformer.certificates.command_line.certify import Typed
    from exactformer.certificates.command_line.pools import Where
    from exactformer.certificates.files import Output

    typed["all_inputs"] = typed["all_inputs"] or not typed["inputs"]
    common = Typed(machine="", sequences=None, context=None, arithmetic="", beta=None, **typed)
    many = Many(machines, arithmetics, contexts, common)
    execute(many, Where(workers, scheduler), Output(out, force), memory, check, again, Shown(as_csv, as_json, page))


@command("verify", short_help="Prove outputs on every word, or find the first wrong one.", epilog=EXIT_CODES)
@click.argument("model")
@click.option(
    "--spec",
    required=True,
    metavar="FILE.py[:NAME]|FILE.yaml|hardmax",
    help="A Python file with a function, called expected unless it is named: from a word, a tuple of names of tokens, "
    "to its outputs, one for each position asked about.  Or a YAML file with a transducer, which stands whole in the "
    "certificate.  Or hardmax: what the same transformer gives with hardmax, on all words of a length at once.",
)
@click.option(
    "--words",
    "language",
    required=True,
    metavar="REGEX|@FILE.yaml",
    help="A regular expression over tokens, with spaces between their names, like 'BOS [a b c]*'; or @ and a YAML file "
    "with an automaton.",
)
@click.option(
    "--length",
    required=True,
    metavar="N",
    type=click.IntRange(1, 1024),
    help="Words of at most so many tokens.",
)
@click.option(
    "--from",
    "first",
    metavar="K",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The first position that is asked about; 1 behind a BOS.",
)
@click.option("--last", is_flag=True, help="Only the last position of each word is asked about.")
@ARITHMETIC
@click.option(
    "--beta",
    metavar="B",
    type=power_of_two,
    default="1",
    show_default=True,
    help="What scores are multiplied with besides: a power of two.",
)
@click.option(
    "--budget",
    metavar="S",
    type=click.IntRange(min=1, max=999_999),
    default=3600,
    show_default=True,
    help="Seconds for the proof; if it takes longer, nothing is said, and finished lengths are kept, as after an "
    "interrupt.",
)
@click.option(
    "--round",
    "rounded",
    metavar="FORMAT",
    help="Round weights to this format first, as of a model that is cast to it.  Default: where the arithmetic is "
    "named by a format, that one; else none.",
)
@click.option(
    "--plot",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the least margin of each length: .svg or .png; needs matplotlib.",
)
@click.option(
    "--explain", is_flag=True, help="Of a word that is wrong or not shown, where and how the outputs come about."
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("."),
    help="Where to write certificate and network.  Default: here.",
)
@FORCE
@json_of("the certificate's content and the files")
def verify(out: Path, force: bool, as_json: bool, **typed: Any) -> None:
    """Show that a transformer of any exact weights gives the expected outputs on every word of a regular language, up
    to a length, in an arithmetic; or find the shortest word on which it surely does not.

    MODEL is a network document (certificates/NETWORKS.md); a folder that `exactformer export --to torch` wrote; or a
    Python file: FILE.py:NAME is a Transformer, or a model compiled by Tracr, called model unless it is named.  The file
    is run.

    Where it is interrupted, finished lengths of words are kept in DIR, and the same command goes on from there.

    The arithmetic may be a format: fp32, bf16, fp16 stand for attention written out, with all results stored in it and
    sums in fp32."""
    from exactformer.certificates.command_line.verify import Typed, execute
    from exactformer.certificates.files import Output

    execute(Typed(**typed), Output(out, force), as_json)


@command("kernel", short_help="Bound what an attention kernel gets wrong, or find it.", epilog=EXIT_CODES)
@click.argument("recipe", metavar="RECIPE")
@click.option("--keys", required=True, metavar="N", type=number_of("keys", high=2**40), help="At most so many.")
@click.option("--scores", required=True, metavar="LO..HI", type=ends, help="What scores are between.")
@click.option("--values", required=True, metavar="LO..HI", type=ends, help="What values are between.")
@click.option(
    "--masked",
    type=click.Choice(["none", "some", "any"]),
    default="none",
    show_default=True,
    help="Which keys may be masked: some, but never all; or any.",
)
@click.option(
    "--tolerance",
    metavar="T",
    type=rational,
    help="How far from exact softmax an output may be.  Default: what is shown; where nothing is, an eighth of the "
    "largest value.",
)
@click.option(
    "--head-width",
    metavar="H",
    type=number_of("head-width", high=2**16),
    help="Scores are products of queries and keys of so many numbers, rounded as the recipe computes; needs --entries.",
)
@click.option("--entries", metavar="M", type=rational, help="With --head-width: how large these numbers are at most.")
@click.option(
    "--sweep",
    metavar="FIELD=A,B,..",
    help="Instead of a certificate: what is shown and found with other values of a field of the recipe, named as "
    "maximum.threshold, or of keys.",
)
@click.option(
    "--plot",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --sweep: draw it, as .svg or .png; needs matplotlib.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("."),
    help="Where to write the certificate.  Default: here.",
)
@FORCE
@json_of("the certificate's content and the files")
def kernel(out: Path, force: bool, as_json: bool, **typed: Any) -> None:
    """Show how far the output of an attention kernel is from exact softmax at most, by cause, and that it is a number,
    for all scores and values in some ranges; or find a small input on which it is further off, or no number.

    RECIPE says what a kernel computes (certificates/KERNELS.md): a name, like flash-2-bf16, or a YAML file."""
    from exactformer.certificates.command_line.kernel import Typed, execute
    from exactformer.certificates.files import Output

    execute(Typed(**typed), Output(out, force), as_json)


@command("audit", short_help="Say which beta, bits and sizes each arithmetic asks for.")
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


@command("export", short_help="Write a certified network for PyTorch or ONNX Runtime.")
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


@command("counterexample", short_help="Look for a run on which the arithmetic errs in a token.")
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
