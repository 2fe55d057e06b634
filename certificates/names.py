"""The names of files, which say what the files are about.

A name is a list of parts with dots between, such as ``binary-addition.all-inputs.cot.2pow16.fused-bf16``.  It consists
of ASCII letters, digits, ``.``, ``-`` and ``_`` alone, so that shells, URLs and every file system accept it, and it has
at most `LONGEST` bytes.  If the parts do not tell everything (an input, a machine that only its author knows, a name
that was cut or had other characters), the last part is a hash of everything: two subjects never share a name, even if a
file system ignores case.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from exactformer.constructions.machines.folding import two_way_machine_of
from exactformer.constructions.machines.library import LIBRARY, entry_of
from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.machines.text import write_machine
from exactformer.constructions.theory import Parameter
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.arithmetic.models import ArithmeticModel

if TYPE_CHECKING:  # slow to import, and most commands are about machines
    from exactformer.verify.contextual.approximation import Approximation

LONGEST = 120
"""The most bytes of a name, without an ending such as ``.certificate.json``."""
LONGEST_PART, LONGEST_OTHER_PART = 48, 40
"""The most bytes of the first part, and of every other part."""
DIGITS = 12
"""Hexadecimal digits of a hash in a name."""
DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})
"""Names that Windows takes for devices, whatever follows after a dot."""


@dataclass(frozen=True)
class Part:
    """One part of a name: what it shows, and what it stands for; ``exact`` if the first determines the second."""

    shown: str
    full: str
    exact: bool = True


def name_of(parts: Sequence[Part]) -> str:
    """The parts as one name, with a hash of all that they stand for if what is shown does not determine it.

    >>> name_of([Part("copy", "copy"), Part("all-inputs", "all-inputs")])
    'copy.all-inputs'
    >>> name_of([Part("CON", "CON"), Part("all-inputs", "all-inputs")])
    'CON_.all-inputs.752265a70860'
    """
    limits = [LONGEST_PART, *[LONGEST_OTHER_PART] * (len(parts) - 1)]
    shown = [safe(part.shown, limit) for part, limit in zip(parts, limits, strict=True)]
    name = ".".join(shown)
    if len(name) <= LONGEST and all(part.exact and part.shown == text for part, text in zip(parts, shown, strict=True)):
        return name
    everything = json.dumps([part.full for part in parts])
    return f"{name[: LONGEST - DIGITS - 1].rstrip('._-')}.{digest(everything.encode())}"


def safe(text: str, longest: int) -> str:
    """The text in characters that all file systems, shells and URLs accept; never empty, an option or a device.

    >>> safe("../my machine", 48), safe("-rf", 48), safe("nul", 48), safe("\u043c", 48), safe("a" * 99, 5)
    ('my_machine', 'rf', 'nul_', 'unnamed', 'aaaaa')
    """
    kept = re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_-")[:longest].rstrip("_-") or "unnamed"
    return f"{kept}_" if kept.lower() in DEVICES else kept


def digest(data: bytes) -> str:
    """The beginning of the data's SHA-256."""
    return hashlib.sha256(data).hexdigest()[:DIGITS]


def of_content(about: str, content: bytes, kind: str) -> str:
    """The name of a file that a certificate refers to.  It contains a hash of the content, so no other certificate
    needs a different file of this name.

    >>> of_content("copy", b"", "weights")
    'copy.e3b0c44298fc.weights.json'
    """
    return f"{safe(about, LONGEST_PART)}.{digest(content)}.{kind}.json"


# ---------------------------------------------------------------------------- what certificates are about


def of_runs(
    machine: TuringMachine,
    inputs: Sequence[str],
    paradigm: Paradigm,
    context: int,
    model: ArithmeticModel,
    beta: int | None,
) -> str:
    """The name of a certificate about given inputs."""
    number = "1-input" if len(inputs) == 1 else f"{len(inputs)}-inputs"
    scope = Part(number, json.dumps(list(inputs)), exact=False)
    return name_of([*_subject(machine, scope, paradigm, context, model), *_extras(beta=beta)])


def of_all_inputs(
    machine: TuringMachine,
    paradigm: Paradigm,
    context: int,
    model: ArithmeticModel,
    *,
    space: int | None,
    assumed_writes: int | None,
    beta: int | None,
    tokens: bool = False,
) -> str:
    """The name of a certificate about all inputs."""
    subject = _subject(machine, _word("all-inputs"), paradigm, context, model)
    claim = [_word("tokens")] if tokens else []
    return name_of([*subject, *_extras(space=space, writes=assumed_writes, beta=beta), *claim])


def of_approximation(found: Approximation) -> str:
    """The name of a certificate of approximation."""
    grid, target = found.grid, found.target
    function = Part(target.name, f"{target.name} {target.source}", exact=target.from_library)
    sizes = [_word(f"n{grid.n}"), _word(f"d{grid.d}")]
    accuracy = [_rational("epsilon", found.epsilon), _word(f"p{found.p}"), _rational("delta", grid.delta)]
    positional = [_word("positional")] if found.positional else []
    return name_of([function, _word("approximation"), *sizes, *accuracy, *positional])


def of_theory(
    theory: str,
    text: str,
    parameters: Mapping[str, Parameter],
    context: int,
    model: ArithmeticModel,
    beta: int | None,
    *,
    tokens: bool,
) -> str:
    """The name of a certificate about a theory; the hash stands for the theory and its parameters."""
    subject = Part(theory, json.dumps([text, dict(sorted(parameters.items()))]), exact=False)
    claim = [_word("tokens")] if tokens else []
    return name_of([subject, _number("", context), _arithmetic(model), *_extras(beta=beta), *claim])


def of_sequences(network: str, weights: str, sequences: Sequence[object], model: ArithmeticModel, beta: int) -> str:
    """The name of a certificate about given sequences; the hash stands for these and the network's SHA-256."""
    number = "1-sequence" if len(sequences) == 1 else f"{len(sequences)}-sequences"
    subject = Part(network, f"{network} {weights}", exact=False)
    scope = Part(number, json.dumps(list(sequences)), exact=False)
    return name_of([subject, scope, _arithmetic(model), *_extras(beta=None if beta == 1 else beta)])


def of_words(network: str, weights: str, about: Mapping[str, object], model: ArithmeticModel, beta: int) -> str:
    """The name of a certificate about words of a language; the hash stands for the language, what is expected, and the
    network's SHA-256."""
    subject = Part(network, f"{network} {weights}", exact=False)
    scope = Part(f"words-{about['length']}", json.dumps(dict(about), sort_keys=True), exact=False)
    return name_of([subject, scope, _arithmetic(model), *_extras(beta=None if beta == 1 else beta)])


def of_kernel(recipe: str, keys: int, about: str) -> str:
    """The name of a certificate about a recipe's kernel; the hash stands for the recipe and the inputs."""
    return name_of([Part(recipe, f"{recipe} {about}", exact=False), _word("kernel"), _number("", keys)])


def of_export(
    machine: str, paradigm: str, context: int, dtype: str, *, certificate: str, beta: int, head_width: int
) -> str:
    """The name of an exported network; ``certificate``: the SHA-256 of the certificate that it is from."""
    source = Part(machine, f"{machine} {certificate}", exact=False)
    parts = [source, _word(paradigm), _number("", context), _word(dtype)]
    return name_of([*parts, *_extras(beta=beta, head=head_width)])


def machine_part(machine: TuringMachine) -> Part:
    """A machine by its name, which determines it only if it is a machine of the library, or the folding of one."""
    known = entry_of(machine) is not None or (machine.name not in LIBRARY and two_way_machine_of(machine) is not None)
    return Part(machine.name, write_machine(machine), known)


def _subject(
    machine: TuringMachine, scope: Part, paradigm: Paradigm, context: int, model: ArithmeticModel
) -> list[Part]:
    return [machine_part(machine), scope, _word(paradigm.value), _number("", context), _arithmetic(model)]


def _arithmetic(model: ArithmeticModel) -> Part:
    """The arithmetic, shortened to ``fused:W`` or ``rounded:W`` where that is the same.

    In the plain arithmetics only names of formats stand between the separators, so any separator will do; the hash
    stands for steps, formats of scores and formats with parameters.
    """
    text = re.sub(r"^(fused:([^/@+]+)/fp32/\2|rounded:([^/@+]+)/\3)(?=[@+]|$)", _first_format, model.text)
    plain = re.fullmatch(r"[a-z]+(:[a-z0-9]+(/[a-z0-9]+)*)?", text) is not None
    return Part(re.sub(r"[^a-z0-9]+", "-", text).strip("-"), model.text, plain)


def _first_format(plain: re.Match[str]) -> str:
    return plain[1].partition("/")[0]


def _extras(**numbers: int | None) -> list[Part]:
    """What else was given, by name."""
    return [_number(name, number) for name, number in numbers.items() if number is not None]


def _number(name: str, number: int) -> Part:
    """A number, large powers of two as people write them.

    >>> _number("space", 12244).shown, _number("", 1 << 32).shown, _number("beta", 128).shown
    ('space12244', '2pow32', 'beta128')
    """
    power = number >= 1000 and number & (number - 1) == 0
    return _word(f"{name}2pow{number.bit_length() - 1}" if power else f"{name}{number}")


def _rational(name: str, number: Fraction) -> Part:
    """A rational number, like ``epsilon1over4``."""
    return _word(f"{name}{number}".replace("/", "over"))


def _word(text: str) -> Part:
    return Part(text, text)
