"""Documents that are long, deep or ask for much work: refused, or not judged, in little memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.checker.check import check_certificate
from exactformer.certificates.checker.document import TooLarge
from tests.checker.conftest import TURING_COT, Made, Make

MOST_MEMORY = 600 * 2**20
"""Bytes that a check may need at its highest; imports and an honest small certificate need about 100 MiB."""
CHECK = """
import sys
from exactformer.certificates.checker.__main__ import main
code = main(sys.argv[1:])
status = dict(line.split(":", 1) for line in open("/proc/self/status"))  # getrusage begins with the parent's memory
print("bytes", int(status["VmHWM"].split()[0]) * 1024, file=sys.stderr)
sys.exit(code)
"""
COMMAND = [sys.executable, "-c", CHECK, "--theory", str(TURING_COT)]
Forge = Callable[[Made, Path], None]


@pytest.fixture(scope="session")
def on_all_inputs(make: Make) -> Made:
    return make("increment", "", "rounded:bf16/bf16", "--all-inputs", "--context", "16")


def with_provenance(value: object) -> Forge:
    def forge(made: Made, _: Path) -> None:
        made.write(made.document | {"provenance": value})

    return forge


def raw(data: bytes) -> Forge:
    def forge(made: Made, _: Path) -> None:
        made.certificate.write_bytes(data)

    return forge


def in_place_of(which: Callable[[Made], Path], put: Callable[[Path], object]) -> Forge:
    def forge(made: Made, _: Path) -> None:
        which(made).unlink()
        put(which(made))

    return forge


def with_machine(text: Callable[[str], str]) -> Forge:
    """The machine is a copy that may be written to."""

    def forge(made: Made, machine: Path) -> None:
        machine.write_text(text(made.machine.read_text()))

    return forge


def many_rows(text: str) -> str:
    """The same machine and many states that are never entered, each with a row."""
    lines = text.splitlines()
    (at,) = (n for n, line in enumerate(lines) if line.startswith("states:"))
    names = [f"x{n}" for n in range(9_000)]
    lines[at] = lines[at].rstrip("]") + ", " + ", ".join(names) + "]"
    return "\n".join([*lines, *(f'  - "{name} _ -> {name} _ R"' for name in names)]) + "\n"


def with_neurons(added: int) -> Forge:
    """Neurons that are active together in every combination, and add different numbers to one coordinate."""

    def forge(made: Made, _: Path) -> None:
        weights = made.weights_document
        layer = weights["layers"][-1]["mlp"]
        r = weights["position_bits"]
        inputs = [
            register(weights, name) + bit for name, width in weights["registers"] if width == r for bit in range(r)
        ][:added]
        assert len(inputs) == added
        for n, coordinate in enumerate(inputs):
            layer["in_coordinate"].append(coordinate)
            layer["in_weight"].append(1)
            layer["bias"].append(0)
            layer["out_coordinate"].append(register(weights, "halted"))
            layer["out_weight"].append(2**n)
            layer["in_start"].append(layer["in_start"][-1] + 1)
            layer["out_start"].append(layer["out_start"][-1] + 1)
        made.write_weights(weights)

    return forge


def register(weights: Any, wanted: str) -> int:
    """The first coordinate of a register."""
    names = [name for name, _ in weights["registers"]]
    return sum(width for _, width in weights["registers"][: names.index(wanted)])


def with_layers(number: int) -> Forge:
    def forge(made: Made, _: Path) -> None:
        weights = made.weights_document
        empty: dict[str, list[int]] = {key: [] for key in weights["layers"][0]["mlp"]}
        empty |= {"in_start": [0], "out_start": [0]}
        weights["layers"] += [{"heads": [], "mlp": empty}] * number
        made.write_weights(weights)

    return forge


def with_names(number: int) -> Forge:
    def forge(made: Made, _: Path) -> None:
        document = made.document
        one = document["names"][0][0]
        document["names"][0] += [one | {"name": f"extra{n}"} for n in range(number)]
        made.write(document)

    return forge


def with_statement(field: str, value: object) -> Forge:
    def forge(made: Made, _: Path) -> None:
        document = made.document
        document["statement"][field] = value
        made.write(document)

    return forge


def with_content(text: str) -> Forge:
    def forge(made: Made, _: Path) -> None:
        document = made.document
        document["annotation"][0][0][0]["value"] = text
        made.write(document)

    return forge


def with_cases(number: int) -> Forge:
    def forge(made: Made, _: Path) -> None:
        document = made.document
        document["annotation"][0][0] *= number
        made.write(document)

    return forge


THEORY = b'{"format":"exactformer theory certificate"'
HEAVY: list[tuple[str, Forge, int, str]] = [
    ("a provenance of 60 MB", with_provenance({"x": "a" * 60_000_000}), 4, "provenance has "),
    ("a provenance of 30 million numbers", with_provenance({"x": [0] * 30_000_000}), 4, "values; this checker reads"),
    ("a million lists", with_provenance({"x": [[]] * 10**6}), 4, "lists and objects; this checker reads"),
    ("a million strings and more", with_provenance({"x": [""] * (2**20 + 1)}), 4, "strings; this checker reads"),
    ("lists inside lists", with_provenance({"x": [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}), 4, "inside each other"),
    ("more than 64 MiB", raw(b'{"format":"' + b"x" * 2**26 + b'"}\n'), 4, "longer than the"),
    ("60 MB of digits", raw(THEORY + b',"version":' + b"9" * 60_000_000 + b"}\n"), 1, ""),
    ("60 MB that are not an object", raw(b"[" + b"0," * 30_000_000 + b"0]\n"), 2, "is not a certificate"),
    (
        "a device without end",
        in_place_of(lambda m: m.certificate, lambda p: p.symlink_to("/dev/zero")),
        2,
        "not a file",
    ),
    ("a pipe without a writer", in_place_of(lambda m: m.certificate, os.mkfifo), 2, "not a file"),
    ("weights from a device", in_place_of(lambda m: m.weights, lambda p: p.symlink_to("/dev/zero")), 2, "not a file"),
    ("weights from a pipe", in_place_of(lambda m: m.weights, os.mkfifo), 2, "not a file"),
    (
        "a machine of 5 million characters",
        with_machine(lambda text: text + "#" * 5_000_000),
        4,
        "the machine's text has",
    ),
    ("a machine of 9,000 states", with_machine(many_rows), 1, "ROWS: is not that of the machine"),
    ("24 neurons that are active in every combination", with_neurons(24), 4, "may have more than 1024 values"),
    ("50,000 layers", with_layers(50_000), 4, "weights.layers"),
    ("a context of 2^200", with_statement("context", str(2**200)), 1, "is beyond the 2^4 positions"),
    ("a context of 1,000 digits", with_statement("context", "9" * 1000), 1, "is beyond the 2^4 positions"),
    (
        "a content of 10 conditions too many",
        with_content("(" * 110 + "0" + " if pos = 1 else 0)" * 110),
        4,
        "formulas inside each other",
    ),
    ("a head of 10,000 cases", with_cases(5_000), 4, "cases; this checker goes through"),
    ("1,000 names", with_names(1_000), 4, "more than 256 names"),
]


@pytest.mark.parametrize("context", [str(2**200), "9" * 1000])
def test_contexts_beyond_what_runs_are_judged_in(make: Make, context: str, tmp_path: Path) -> None:
    made = make("copy", "0", "fused:fp16").copy(tmp_path / "made")
    with_statement("context", context)(made, made.machine)
    with pytest.raises(TooLarge, match=r"contexts of up to 2\^128"):
        check_certificate(made.certificate, made.machine)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
@pytest.mark.parametrize(("forge", "code", "complaint"), [pytest.param(*case[1:], id=case[0]) for case in HEAVY])
def test_heavy_documents_end_soon_and_small(
    on_all_inputs: Made, forge: Forge, code: int, complaint: str, tmp_path: Path
) -> None:
    made = on_all_inputs.copy(tmp_path / "made")
    machine = tmp_path / "machine.yaml"
    machine.write_bytes(made.machine.read_bytes())
    forge(made, machine)
    done = subprocess.run(
        [*COMMAND, str(made.certificate), "--machine", str(machine)],
        capture_output=True,
        text=True,
        check=False,
    )
    *said, memory = done.stderr.splitlines()
    assert (done.returncode, complaint in done.stderr) == (code, True), done.stderr[-500:]
    assert len(said) == 1
    assert len(said[0]) < 1000
    assert int(memory.split()[1]) < MOST_MEMORY


def test_the_same_without_what_makes_it_heavy_is_valid(on_all_inputs: Made) -> None:
    done = subprocess.run(
        [*COMMAND, str(on_all_inputs.certificate), "--machine", str(on_all_inputs.machine)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert int(done.stderr.split()[-1]) < MOST_MEMORY
