"""KERNELS sections 3 to 5: `check_kernel` decides whether a certificate about an attention kernel is valid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR
from fractions import Fraction
from pathlib import Path

from exactformer.certificates.checker.check import Valid
from exactformer.certificates.checker.deadline import SECONDS, Deadline
from exactformer.certificates.checker.document import (
    KERNEL,
    Json,
    Rejected,
    TooLarge,
    integer,
    items,
    members,
    quote,
    rational,
    rational_text,
    read_certificate,
    require_provenance,
    require_same,
    text,
)
from exactformer.certificates.checker.kernels.bound import CAUSES, Inputs, Unshown, errors
from exactformer.certificates.checker.kernels.execute import Key, distance, execute, wanted
from exactformer.certificates.checker.kernels.numbers import Special
from exactformer.certificates.checker.kernels.recipe import Recipe, one_of, read_recipe, truth
from exactformer.certificates.checker.sequences.check import approximately
from exactformer.certificates.checker.sequences.network import given

TOP = ("format", "version", "statement", "errors", "input", "verdict", "provenance")
VERDICTS = ("proved", "refuted", "inconclusive")
MOST_KEYS, MOST_EXECUTED = 2**40, 2**12
MOST_BITS = 2**18
"""The most bits, over all keys, of numbers that are computed with: some seconds."""
AMONG = {
    "none": "",
    "some": ", of which some are masked, but never all",
    "any": ", any of which are masked",
}
NOT_CLAIMED = (
    "that a library's kernel computes what the recipe says",
    "anything about scores, before they are numbers, or about gradients",
)


@dataclass(frozen=True)
class Statement:
    """Section 3; the claim is not checked yet."""

    claim: Json
    recipe: Recipe
    inputs: Inputs
    tolerance: Fraction

    def sentence(self, verdict: str) -> str:
        """The claim."""
        of, tolerance = inputs_in_words(self.inputs), rational_text(self.tolerance)
        number = f"makes a finite number of every input of {of}, off from exact softmax by at most {tolerance}"
        if verdict == "proved":
            return f"A kernel of this recipe {number}."
        if verdict == "refuted":
            return (
                f"A kernel of this recipe does not make a number that is off from exact softmax by at most {tolerance} "
                f"of every input of {of}."
            )
        return f"It is not shown that a kernel of this recipe {number}, nor shown not to be so."


def inputs_in_words(inputs: Inputs) -> str:
    """How a claim names its inputs."""
    scores, values = (
        f"from {rational_text(low)} to {rational_text(high)}" for low, high in (inputs.scores, inputs.values)
    )
    drift = f", each score off from an exact one by at most {rational_text(inputs.drift)}" if inputs.drift else ""
    return f"{inputs.keys} keys at most with scores {scores} and values {values}{AMONG[inputs.masked]}{drift}"


def check_kernel(certificate_path: Path, budget: int = SECONDS, network_given: Path | bytes | None = None) -> Valid:
    """The certificate is valid; else `Rejected`, or `BadInput` if there is nothing to judge."""
    deadline = Deadline(budget)
    parts = members("certificate", read_certificate(certificate_path, KERNEL), *TOP)
    require_same("version", parts["version"], 2)
    require_provenance(parts["provenance"])
    if network_given is not None:
        raise Rejected("certificate", "is about a kernel, not about the network that is given")
    verdict = text("verdict", parts["verdict"])
    if verdict not in VERDICTS:
        raise Rejected("verdict", f"is {quote(verdict)}, which is not a verdict")
    statement = read_statement(parts["statement"])
    require_same("statement.claim", statement.claim, statement.sentence(verdict))
    if verdict != "proved":
        require_same("errors", parts["errors"], None)
    if verdict != "refuted":
        require_same("input", parts["input"], None)
    proved = list[str]()
    if verdict == "proved":
        stated = check_errors(parts["errors"], statement)
        listed = ", ".join(f"{cause} {approximately(one, ROUND_CEILING)}" for cause, one in stated.items() if one)
        proved = [
            "every number that is computed is finite, of all inputs in these ranges, in whatever order sums are added",
            f"how far the output is from exact softmax at most, by cause: {listed}",
        ]
    if verdict == "refuted":
        made = refuted(parts["input"], statement, deadline)
        proved = [f"the recipe, executed exactly on the input in the order of its keys: {made}"]
    assumed = ("that a kernel computes what certificates/KERNELS.md, 2, says of the recipe",)
    return Valid(verdict, statement.sentence(verdict), tuple(proved), (), assumed, NOT_CLAIMED)


def read_statement(value: Json) -> Statement:
    """Recipe, ranges and tolerance."""
    names = ("claim", "recipe", "keys", "scores", "values", "masked", "tolerance")
    parts = members("statement", value, *names, *given("statement", value, "drift"))
    recipe = read_recipe("statement.recipe", parts["recipe"])
    keys = integer("statement.keys", parts["keys"], 1, MOST_KEYS)
    ranges = []
    for name, form in (("scores", recipe.score), ("values", recipe.value)):
        ends = [rational(f"statement.{name}", end) for end in items(f"statement.{name}", parts[name])]
        if len(ends) != 2 or ends[0] > ends[1] or not all(form.has(end) for end in ends):
            raise Rejected(f"statement.{name}", f"is not a range of numbers of {form.name}")
        ranges.append((ends[0], ends[1]))
    masked = one_of("statement.masked", parts["masked"], *AMONG)
    if recipe.mask_how is None and masked != "none":
        raise Rejected("statement.masked", f"is {quote(masked)}, and the recipe has no mask")
    tolerance = rational("statement.tolerance", parts["tolerance"])
    if tolerance <= 0:
        raise Rejected("statement.tolerance", f"is {rational_text(tolerance)}, not above 0")
    drift = rational("statement.drift", parts["drift"]) if "drift" in parts else Fraction(0)
    if "drift" in parts and drift <= 0:
        raise Rejected("statement.drift", f"is {rational_text(drift)}, not above 0: 0 is left out")
    return Statement(parts["claim"], recipe, Inputs(keys, ranges[0], ranges[1], masked, drift), tolerance)


def check_errors(value: Json, statement: Statement) -> Mapping[str, Fraction]:
    """The stated errors, by cause: none is below the one computed here, and together they are within the tolerance."""
    listed = members("errors", value, *CAUSES)
    stated = {cause: rational(f"errors.{cause}", listed[cause]) for cause in CAUSES}
    try:
        found = errors(statement.recipe, statement.inputs)
    except Unshown as error:
        raise Rejected("verdict", f"is not shown: {error}") from error
    for cause, one in found.items():
        if stated[cause] < one:
            raise Rejected(f"errors.{cause}", f"is {approximately(stated[cause])}; here it is {approximately(one)}")
    if (total := sum(stated.values(), Fraction(0))) > statement.tolerance:
        raise Rejected("errors", f"are {approximately(total)} together, above the tolerance")
    return stated


def refuted(value: Json, statement: Statement, deadline: Deadline) -> str:
    """The output, if it is too far from what is wanted, or no number."""
    inputs, recipe = statement.inputs, statement.recipe
    listed = items("input", value)
    if not 0 < len(listed) <= inputs.keys:
        raise Rejected("input", f"has {len(listed)} keys, not 1 to {inputs.keys}")
    if len(listed) > MOST_EXECUTED:
        raise TooLarge(f"input has {len(listed)} keys; this checker executes up to {MOST_EXECUTED}")
    if (bits := len(listed) * recipe.p) > MOST_BITS:
        raise TooLarge(
            f"input has {len(listed)} keys of {recipe.p} bits, {bits} in all; this checker executes {MOST_BITS}"
        )
    keys = [read_key(f"input[{place}]", entry, statement) for place, entry in enumerate(listed)]
    masks = [key.masked for key in keys]
    if (any(masks) and inputs.masked == "none") or (all(masks) and inputs.masked != "any"):
        raise Rejected("input", f"is masked otherwise than {quote(inputs.masked)} says")
    deadline.left("input")
    found = execute(recipe, keys)
    if isinstance(found, Special):
        return f"it makes {found.value}"
    off = distance(found, wanted(recipe, keys))
    if not isinstance(off, Fraction) or off <= statement.tolerance:
        raise Rejected("input", "is not a refutation: the output is not surely off by more than the tolerance")
    return f"it makes {approximately(found)}, which is off by more than {approximately(off, ROUND_FLOOR)}"


def read_key(field: str, value: Json, statement: Statement) -> Key:
    """A key within the ranges."""
    listed = items(field, value)
    if len(listed) != 3:
        raise Rejected(field, f"is {quote(value)} where [score, value, masked] must be")
    numbers = []
    for place, (name, form, ends) in enumerate(
        (
            ("score", statement.recipe.score, statement.inputs.scores),
            ("value", statement.recipe.value, statement.inputs.values),
        )
    ):
        number = rational(f"{field}[{place}]", listed[place])
        if not form.has(number) or not ends[0] <= number <= ends[1]:
            raise Rejected(f"{field}[{place}]", f"is {quote(listed[place])}, not a {name} of {form.name} in its range")
        numbers.append(number)
    return Key(numbers[0], numbers[1], truth(f"{field}[2]", listed[2]))
