"""What is claimed: the statement of a certificate and the sentences about it (SPEC sections 3 and 9).

Words:
    e        the exponent of beta, which is a power of two
    context  N, the number of tokens that no sequence exceeds; position_bits, r, follows from it
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from certificates.checker.arithmetic import Model, parse_model
from certificates.checker.document import Json, Rejected, items, members, natural, quote, require_same, text
from certificates.checker.machine import Machine, MachineError, canonical_text, parse_machine

PARTS = ("claim", "machine", "paradigm", "scope", "context", "position_bits", "arithmetic", "beta", "beta_split")

THOUGHT = {"cot": "chain of thought", "scot": "summarized chain of thought"}


@dataclass(frozen=True)
class Statement:
    """Section 3; the claim is not checked yet: it is the last sentence to be compared."""

    claim: Json
    paradigm: str
    inputs: tuple[str, ...]
    context: int
    r: int
    arithmetic: str
    model: Model
    e: int | None


def check_statement(value: Json, machine: Machine) -> Statement:
    """Section 3: all but the claim is well formed, and the machine is the given one."""
    parts = members("statement", value, *PARTS)
    embedded = members("statement.machine", parts["machine"], "name", "text", "sha256")
    machine_text = text("statement.machine.text", embedded["text"])
    try:
        digest = hashlib.sha256(machine_text.encode("utf-8")).hexdigest()
        claimed = parse_machine(machine_text)
    except (MachineError, UnicodeEncodeError) as error:
        raise Rejected("statement.machine.text", str(error)) from error
    require_same("statement.machine.sha256", embedded["sha256"], digest)
    require_same("statement.machine.text", machine_text, canonical_text(claimed))
    require_same("statement.machine.name", embedded["name"], claimed.name)
    if claimed != machine:
        different = [key for key, part in vars(machine).items() if part != vars(claimed)[key]]
        raise Rejected("statement.machine.text", f"is not the given machine: different {', '.join(different)}")
    paradigm = text("statement.paradigm", parts["paradigm"])
    if paradigm not in THOUGHT:
        raise Rejected("statement.paradigm", f'is {quote(paradigm)}, not "cot" or "scot"')
    scope = members("statement.scope", parts["scope"], "kind", "inputs")
    require_same("statement.scope.kind", scope["kind"], "runs")
    words = [text("statement.scope.inputs", word) for word in items("statement.scope.inputs", scope["inputs"])]
    if not words or len(set(words)) != len(words):
        raise Rejected("statement.scope.inputs", f"{quote(words)} is empty or names an input twice")
    context = natural("statement.context", parts["context"])
    r = max(2 if paradigm == "cot" else 4, ((context - 1).bit_length() + 1) // 2 * 2)
    require_same("statement.position_bits", parts["position_bits"], r)
    arithmetic = text("statement.arithmetic", parts["arithmetic"])
    model = parse_model("statement.arithmetic", arithmetic)
    e, split = None, None
    if parts["beta"] is not None:
        beta = natural("statement.beta", parts["beta"])
        e = beta.bit_length() - 1
        if beta != 2**e:
            raise Rejected("statement.beta", f"{quote(parts['beta'])} is not a power of two")
        split = dict[str, Json](query=str(2 ** ((e + 1) // 2)), key=str(2 ** (e // 2)))
    require_same("statement.beta_split", parts["beta_split"], split)
    return Statement(parts["claim"], paradigm, tuple(words), context, r, arithmetic, model, e)


def sentence(verdict: str, statement: Statement, machine: Machine, tokens: int, admitted: int) -> str:
    """Section 9: the claim."""
    n = len(statement.inputs)
    subject = (
        f"On {n} input{'s' if n > 1 else ''} of {machine.name} in a context of {statement.context} tokens, "
        f"the softmax transformer of these weights, in the arithmetic {statement.arithmetic}"
    )
    if statement.e is None:
        return (
            f"{subject} does not have the activations of the hardmax transformer "
            f"for any beta = 2^e with 0 <= e <= {admitted}."
        )
    subject = f"{subject} at beta = {2**statement.e},"
    return {
        "certified": f"{subject} has after every sublayer exactly the activations of the hardmax transformer, and so "
        f"generates the machine's {THOUGHT[statement.paradigm]} token for token ({tokens} tokens in all).",
        "refuted": f"{subject} does not have the activations of the hardmax transformer.",
        "inconclusive": f"{subject} may or may not have the activations of the hardmax transformer: "
        "nothing is claimed.",
    }[verdict]
