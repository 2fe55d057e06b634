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
    help="With --all-inputs --paradigm scot: only inputs whose run stays within S cells; the context follows from S.",
)
WRITES = click.option(
    "--assume-writes-per-cell",
    "assumed_writes",
    metavar="M",
    type=number_of("writes"),
    help="With --all-inputs: claim something only about runs that write no cell more than M times; the claim says so.",
)
CLAIM = click.option(
    "--claim",
    type=click.Choice(["activations", "tokens"]),
    default="activations",
    show_default=True,
    help="With --all-inputs: what to claim. Tokens can be right even if activations differ from the hardmax ones.",
)


@command("certify", short_help="Prove that a softmax transformer does what MACHINE does.", epilog=EXIT_CODES)
@click.argument("machine")
@click.option("--input", "inputs", metavar="W", multiple=True, help="A word to run the machine on; may be repeated.")
@click.option(
    "--all-inputs", is_flag=True, help="Prove the claim for every input whose chain of thought fits the context."
)
@click.option(
    "--sequences",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Sequences to certify a network on: MACHINE is a network document of any exact weights; FILE lists {tokens, "
    "asked} in YAML or JSON.",
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
    help="With --all-inputs: stop the proof after this many seconds; then nothing is claimed.",
)
@MAX_STEPS
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("."),
    help="Folder for the certificate and the weights.  Default: the current one.",
)
@FORCE
@json_of("the certificate's content and the files")
def certify(out: Path, force: bool, as_json: bool, **typed: Any) -> None:
    """Certify that a softmax transformer in the given arithmetic generates the chain of thought of MACHINE exactly,
    token for token.  With --input this is checked by replaying the words; with --all-inputs it is proved for every run
    that fits, halting or not.

    With --sequences FILE, MACHINE is a network document (certificates/NETWORKS.md), a transformer of any exact weights:
    certify that it ranks the expected token first at each position asked about.  Then beta is 1 unless you give one."""
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
    help="What the outputs should be.  FILE.py or FILE.py:NAME: a Python function (default name: expected) that "
    "takes a word, a tuple of token names, and returns one output for each position asked about.  Or a YAML file with "
    "a transducer, which becomes part of the certificate.  Or hardmax: what the same transformer gives with hardmax; "
    "all words of one length are then decided at once.",
)
@click.option(
    "--words",
    "language",
    required=True,
    metavar="REGEX|@FILE.yaml",
    help="The language: a regular expression over tokens, with spaces between their names, like 'BOS [a b c]*'; or "
    "@FILE.yaml, a file with an automaton.",
)
@click.option(
    "--length",
    required=True,
    metavar="N",
    type=click.IntRange(1, 1024),
    help="Verify words of at most this many tokens.",
)
@click.option(
    "--from",
    "first",
    metavar="K",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The first position that is asked about, counted from 0; 1 skips a BOS.",
)
@click.option("--last", is_flag=True, help="Ask about the last position of each word only.")
@ARITHMETIC
@click.option(
    "--beta",
    metavar="B",
    type=power_of_two,
    default="1",
    show_default=True,
    help="A further factor of all scores: a power of two.",
)
@click.option(
    "--budget",
    metavar="S",
    type=click.IntRange(min=1, max=999_999),
    default=3600,
    show_default=True,
    help="Stop the proof after this many seconds: then nothing is claimed, and finished lengths are kept, as after an "
    "interrupt.",
)
@click.option(
    "--round",
    "rounded",
    metavar="FORMAT",
    help="Round the weights to this format first, as casting the model does.  Default: the format that --arithmetic "
    "names, if it is one; else weights are not rounded.",
)
@click.option(
    "--plot",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the smallest margin for each length: .svg or .png; needs matplotlib.",
)
@click.option(
    "--explain",
    is_flag=True,
    help="If a word is wrong or not shown to be right, say where and how its outputs come about.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("."),
    help="Folder for the certificate and the network.  Default: the current one.",
)
@FORCE
@json_of("the certificate's content and the files")
def verify(out: Path, force: bool, as_json: bool, **typed: Any) -> None:
    """Show that a transformer of any exact weights gives the expected outputs on every word of a regular language, up
    to a length, in an arithmetic; or find the shortest word on which it surely does not.

    MODEL is a network document (certificates/NETWORKS.md); a folder that `exactformer export --to torch` wrote, or a
    checkpoint of a transformer of the type phi3, llama or torchwright; or a Python file: FILE.py:NAME is a Transformer,
    or a model compiled by Tracr, called model unless it is named.  The file is run.

    If it is interrupted, finished lengths of words are kept in DIR, and the same command goes on from there.

    The arithmetic may be a format: fp32, bf16, fp16 stand for attention written out, with all results stored in it and
    sums in fp32."""
    from exactformer.certificates.command_line.verify import Typed, execute
    from exactformer.certificates.files import Output

    execute(Typed(**typed), Output(out, force), as_json)


@command("kernel", short_help="Bound the error of an attention kernel, or find one.", epilog=EXIT_CODES)
@click.argument("recipe", metavar="RECIPE")
@click.option(
    "--keys",
    required=True,
    metavar="N",
    type=number_of("keys", high=2**40),
    help="The number of keys: at most this many.",
)
@click.option("--scores", required=True, metavar="LO..HI", type=ends, help="The range of scores.")
@click.option("--values", required=True, metavar="LO..HI", type=ends, help="The range of values.")
@click.option(
    "--masked",
    type=click.Choice(["none", "some", "any"]),
    default="none",
    show_default=True,
    help="Which keys may be masked: none; some, but never all; or any.",
)
@click.option(
    "--tolerance",
    metavar="T",
    type=rational,
    help="How far an output may be from exact softmax.  Default: the bound that is proved; if there is none, an "
    "eighth of the largest value.",
)
@click.option(
    "--head-width",
    metavar="H",
    type=number_of("head-width", high=2**16),
    help="Scores are products of queries and keys with this many entries, rounded as the recipe computes; needs "
    "--entries.",
)
@click.option(
    "--entries", metavar="M", type=rational, help="With --head-width: the largest absolute value of these entries."
)
@click.option(
    "--sweep",
    metavar="FIELD=A,B,..",
    help="Instead of a certificate: print what is proved and found for other values of a field of the recipe, such as "
    "maximum.threshold, or of keys.",
)
@click.option(
    "--plot",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --sweep: draw the results, as .svg or .png; needs matplotlib.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("."),
    help="Folder for the certificate.  Default: the current one.",
)
@FORCE
@json_of("the certificate's content and the files")
def kernel(out: Path, force: bool, as_json: bool, **typed: Any) -> None:
    """Prove, for all scores and values in the given ranges, that the output of an attention kernel is a finite number
    and how far it is from exact softmax at most, by cause.  Or find a small input on which it is further off, or no
    finite number.

    RECIPE says what a kernel computes (certificates/KERNELS.md): a name, like flash-2-bf16, or a YAML file."""
    from exactformer.certificates.command_line.kernel import Typed, execute
    from exactformer.certificates.files import Output

    execute(Typed(**typed), Output(out, force), as_json)


@command("audit", short_help="Say which beta, bits and sizes each arithmetic needs.")
@click.argument("machine", required=False)
@click.option(
    "--dims", metavar="K,Q,G", help="Instead of a MACHINE: any machine with K tapes, Q states and G tape symbols."
)
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
    help="Formats of attention weights and activations: W, or W/A if they differ; fused models accumulate in fp32.",
)
@click.option("--models", metavar="M,..", default="rounded,fused", show_default=True, help="rounded, fused.")
@click.option(
    "--arithmetic",
    "arithmetics",
    metavar="A",
    multiple=True,
    help="Instead of --formats and --models: an arithmetic, as for certify; may be repeated.",
)
@rows
def audit(as_csv: bool, as_json: bool, plot: Path | None, force: bool, **typed: Any) -> None:
    """Say what each arithmetic needs from the network of MACHINE, or of any machine of a size: for which contexts the
    rounding inequalities hold, at which beta, with which parameters and bits.  That the hardmax network is right is
    assumed; everything else is decided as `certify --all-inputs` decides it.

    Exit codes: 0 the rows are printed, whatever they say, 2 bad input, 4 an arithmetic that admits no beta (nothing is
    written).
    """
    from exactformer.certificates.command_line.audit import Asked, execute

    given = click.get_current_context().get_parameter_source
    if typed["arithmetics"] and any(given(name) is ParameterSource.COMMANDLINE for name in ("formats", "models")):
        raise InputRefused("--arithmetic replaces --formats and --models: leave those out")
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
    help="Folder to write to.  Default: the current one.",
)
@FORCE
@click.option(
    "--dtype",
    type=click.Choice(["bf16", "fp16", "fp32"]),
    help="Format of parameters and activations.  Default: the certificate's activation format; for any other, "
    "nothing is claimed.",
)
@click.option(
    "--context",
    metavar="N",
    type=TOKENS,
    help="How many positions the table has.  Default: the certificate's context.",
)
@click.option(
    "--head-width",
    metavar="D",
    type=number_of("coordinates", high=1 << 20),
    help="Width of a head, a power of 4.  Default: the smallest that fits.  With a power of 16, scores are exact in "
    "torch's MATH backend, too.",
)
@click.option("--beta", metavar="B", type=power_of_two, help="Another beta, a power of two; needs --unproved.")
@click.option("--unproved", is_flag=True, help="Also export what is refuted or inconclusive; the metadata say so.")
def export(out: Path, force: bool, **typed: Any) -> None:
    """Write the network of CERTIFICATE as a plain decoder that PyTorch or ONNX Runtime can run, with the certificate's
    SHA-256 in its metadata.  The certificate is about an arithmetic model; that a kernel computes in it is not claimed.

    Exit codes: 0 written, 2 bad input, or a format that does not hold the numbers exactly (nothing is written).
    """
    from exactformer.certificates.command_line.export import execute
    from exactformer.certificates.export.prepare import Request
    from exactformer.certificates.files import Output

    execute(Request(**typed), Output(out, force))


@command("counterexample", short_help="Look for a run in which the arithmetic gets a token wrong.")
@ARITHMETIC
@click.option("--context", metavar="N", type=TOKENS, required=True, help="Context length in tokens.")
@click.option("--machine", metavar="MACHINE", help="Try only runs of this machine.  Default: of the whole library.")
@click.option(
    "--input", "words", metavar="W", multiple=True, help="With --machine: try this word only; may be repeated."
)
@beta_that("one that certifies most")
@click.option(
    "--order",
    type=click.Choice(["left-to-right", "pairwise-denominator", "both"]),
    default="both",
    show_default=True,
    help="The order in which a fused arithmetic sums.",
)
@click.option(
    "--tokens",
    "most_tokens",
    metavar="T",
    type=number_of("tokens"),
    default=20_000,
    show_default=True,
    help="Stop once the runs tried have so many tokens in all.",
)
@json_of("all runs tried")
def counterexample(as_json: bool, **typed: Any) -> None:
    """Look for a run of at most N tokens in which the softmax transformer, in the given arithmetic, generates a wrong
    token.  Each run that is tried is computed in exact numbers; the report says where it goes wrong.

    Exit codes: 1 refuted: a wrong token was found, 0 proved: the rounding inequalities hold for these machines
    (nothing is run), 3 inconclusive: no token is wrong on the runs tried, 2 bad input, 4 an arithmetic in which runs
    are not computed.
    """
    from exactformer.certificates.command_line.counterexample import Asked, execute

    execute(Asked(**typed), as_json)
