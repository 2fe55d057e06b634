"""The rules of a refutation (SPEC section 8).

Words:
    witness  a query and a row of its value list at which the model does not compute the hardmax value
    place    a witness's run, segment, layer, head, token and row
"""

from __future__ import annotations

from fractions import Fraction

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import (
    Json,
    Rejected,
    integer,
    items,
    members,
    quote,
    rational,
    rational_text,
    require_same,
)
from exactformer.certificates.checker.formats import LARGEST_PARAMETER
from exactformer.certificates.checker.runs import LARGEST_STEPS, Place, Replayed, Seen
from exactformer.certificates.checker.softmax.heads import received
from exactformer.certificates.checker.softmax.model import Model
from exactformer.certificates.checker.softmax.numbers import Arithmetic, Unbounded, Value
from exactformer.certificates.checker.softmax.queries import Group, Query
from exactformer.certificates.checker.statement import Statement
from exactformer.certificates.checker.weights import Network, longest_query

PARTS = (
    "exponents", "run", "segment", "token", "layer", "head", "row", "maximisers", "visible", "hardmax", "output",
)  # fmt: skip


MOST_EXPONENTS = 2 * LARGEST_PARAMETER + 2
"""No format of scores admits more exponents of beta than this (ARITHMETIC 3)."""


def witness_places(refutation: Json, network: Network) -> list[Place]:
    """Where the witnesses of a refutation are; the rest of section 8 is in `check_refutation`."""
    if refutation is None:
        return []
    places = []
    witnesses = items(
        "refutation.witnesses", members("refutation", refutation, "betas", "witnesses", "reason")["witnesses"]
    )
    if len(witnesses) > MOST_EXPONENTS:
        raise Rejected("refutation.witnesses", f"are {len(witnesses)}, more than there are exponents of beta")
    for number, witness in enumerate(witnesses):
        at = f"refutation.witnesses[{number}]"
        parts = members(at, witness, *PARTS)
        run, segment, token = (
            integer(f"{at}.{key}", parts[key], 0, LARGEST_STEPS) for key in ("run", "segment", "token")
        )
        layer = integer(f"{at}.layer", parts["layer"], 1, len(network.layers))
        head = integer(f"{at}.head", parts["head"], 0, len(network.layers[layer - 1].heads) - 1)
        rows = len(network.layers[layer - 1].heads[head].value)
        places.append((run, segment, layer, head, token, integer(f"{at}.row", parts["row"], 0, rows - 1)))
    return places


def check_refutation(
    value: Json, statement: Statement, network: Network, replayed: Replayed, admitted: int, deadline: Deadline
) -> None:
    """Section 8: at every beta of the range some head's output is not the hardmax one."""
    parts = members("refutation", value, "betas", "witnesses", "reason")
    betas = (0, admitted) if statement.e is None else (statement.e, statement.e)
    require_same("refutation.betas", parts["betas"], list(betas))
    exact = statement.model.score.p
    if statement.model.steps.once and exact is not None and longest_query(network) > 2**exact:
        raise Rejected("refutation", "scores may be rounded, and gaps do not tell to what (ARITHMETIC 5)")
    reason, following = "", betas[0]
    witnesses = items("refutation.witnesses", parts["witnesses"])
    for number, (witness, place) in enumerate(zip(witnesses, witness_places(value, network), strict=True)):
        at = f"refutation.witnesses[{number}]"
        found = members(at, witness, *PARTS)
        run, segment, layer, head_place, token, row = place
        head = network.layers[layer - 1].heads[head_place]
        if place not in replayed.seen:
            raise Rejected(f"{at}.token", f"there is no token {token} of segment {segment} of run {run}")
        here = replayed.seen[place]
        targets = [out for other in network.layers[layer - 1].heads for out in other.out]
        if targets.count(head.out[row]) > 1:
            raise Rejected(f"{at}.row", f"coordinate {head.out[row]} gets other sums too: the errors may cancel")
        exponents = items(f"{at}.exponents", found["exponents"])
        if len(exponents) != 2:
            raise Rejected(f"{at}.exponents", f"is {quote(exponents)}, not two ends")
        integer(f"{at}.exponents[0]", exponents[0], following, following)
        last = integer(f"{at}.exponents[1]", exponents[1], following, betas[1])
        ends = items(f"{at}.output", found["output"])
        if len(ends) != 2:
            raise Rejected(f"{at}.output", f"is {quote(ends)}, not two ends")
        low, high = (rational(f"{at}.output[{place}]", end) for place, end in enumerate(ends))
        for e in range(following, last + 1):
            deadline.left(f"{at}.output")
            shown = enclosed(f"{at}.output", statement.model, here, e)
            if not low <= shown[0] <= shown[1] <= high:
                between = f"from {rational_text(shown[0])} to {rational_text(shown[1])}"
                raise Rejected(f"{at}.output", f"is not shown: at beta = 2^{e} it is shown to be {between}")
        if low <= here.hardmax <= high:
            raise Rejected(f"{at}.output", f"contains the hardmax value {here.hardmax}")
        require_same(f"{at}.maximisers", found["maximisers"], here.maximisers)
        require_same(f"{at}.visible", found["visible"], token + 1)
        require_same(f"{at}.hardmax", found["hardmax"], here.hardmax)
        following = last + 1
        which = f"segment {segment} of " if statement.paradigm == "scot" else ""
        many = "1 maximiser has" if here.maximisers == 1 else f"{here.maximisers} maximisers share"
        value_low, value_high = rational_text(low), rational_text(high)
        computes = value_low if low == high else f"a value from {value_low} to {value_high}"
        reason = (
            f"In layer {layer}, head {head.name}, at token {token} of {which}run {run}, {many} the value "
            f"{here.hardmax}, but the model computes {computes}."
        )
    if following != betas[1] + 1:
        raise Rejected("refutation.witnesses", f"say nothing about beta = 2^{following}")
    require_same("refutation.reason", parts["reason"], reason)


def enclosed(at: str, model: Model, here: Seen, e: int) -> tuple[Fraction, Fraction]:
    """Ends of what the model computes at this query; `Rejected` if none are shown."""
    positions = sum(sum(counts) for _, counts in here.gaps)
    arithmetic = Arithmetic.of(model, e, positions)
    groups, column = list[Group](), list[Value]()
    for gap, counts in sorted(here.gaps):
        x = gap << e + arithmetic.grid
        for value, number in zip((-arithmetic.unit, 0, arithmetic.unit), counts, strict=True):
            if number:
                groups.append(Group(number, number, x, x, top=gap == 0))
                column.append(Value(value, value, abs(value), 0))
    try:
        output = received(arithmetic, Query(groups, positions), [column])[0]
    except Unbounded as error:
        raise Rejected(at, f"cannot be bounded at beta = 2^{e}: {error}") from error
    return Fraction(output.low, arithmetic.unit), Fraction(output.high, arithmetic.unit)
