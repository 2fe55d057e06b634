"""Layers that are proved once for all machines of a shape: the same is proved as of each machine alone, and nothing is
taken over that could be otherwise.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from types import SimpleNamespace

import pytest

from exactformer.certificates import sweep_all as sweep_module
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.theory.language import Listed, atoms_in
from exactformer.certificates.checker.theory.reading import Choice, read_theory
from exactformer.certificates.shapes import Shapes, without_tables
from exactformer.certificates.theory_certificate import prove
from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.machines.random_machines import random_machine
from exactformer.constructions.theory import Theory
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.theory import turing
from exactformer.verify.arithmetic.models import parse_arithmetic
from exactformer.verify.jobs import InProcess
from exactformer.verify.writes import write_bound

CONTEXT = 16


def machines(seed: int, count: int) -> list[TuringMachine]:
    """Of one shape, whatever their tables are."""
    rng = Random(seed)
    return [random_machine(rng, tapes=1, states=3, letters=2) for _ in range(count)]


def built(machine: TuringMachine, paradigm: Paradigm = Paradigm.COT) -> tuple[Network, Theory]:
    return turing(machine, context=CONTEXT, paradigm=paradigm)


@pytest.mark.parametrize("paradigm", Paradigm)
def test_the_same_is_proved_as_of_each_machine_alone(paradigm: Paradigm) -> None:
    shapes = Shapes()
    for machine in machines(0, 3):
        network, theory = built(machine, paradigm)
        assert prove(network, theory, shapes=shapes) == prove(network, theory)
    (first,) = shapes.known
    assert 0 < len(first.heads) < len(network.layers)


def test_a_sweep_takes_machines_of_one_shape_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    other = random_machine(Random(6), tapes=1, states=2, letters=1)
    # What a theory says of writes is the same, too.
    first, second = [machine for machine in machines(6, 9) if write_bound(machine).largest is None][:2]
    drawn = [first, other, second]
    monkeypatch.setattr(
        sweep_module, "draw_case", lambda _, index: SimpleNamespace(run=SimpleNamespace(machine=drawn[index]))
    )
    shapes = Shapes()
    monkeypatch.setattr(sweep_module, "_SHAPES", shapes)
    wanted = sweep_module.UniversalSweep(0, CONTEXT, parse_arithmetic("fused:bf16"))
    results = list(sweep_module.sweep_all(wanted, range(3), InProcess()))
    assert [one.index for one in results] == [0, 2, 1]
    assert len(shapes.known) == 1
    for one in results:
        alone = sweep_module.prove_machine(wanted, one.index)
        assert replace(one, milliseconds=0) == replace(alone, milliseconds=0)


def test_shapes_are_told_apart() -> None:
    shapes = Shapes()
    for letters in (1, 2, 1, 2):
        prove(*built(random_machine(Random(letters), tapes=1, states=2, letters=letters)), shapes=shapes)
    assert len(shapes.known) == 2


def test_other_weights_in_the_first_layers_are_proved_anew() -> None:
    shapes = Shapes()
    network, theory = built(machines(1, 1)[0])
    prove(network, theory, shapes=shapes)
    mlp = network.layers[0].mlp
    wrong = replace(network.layers[0], mlp=replace(mlp, bias=mlp.bias + 1))
    changed = replace(network, layers=(wrong, *network.layers[1:]))
    with pytest.raises(Rejected) as alone:
        prove(changed, theory)
    with pytest.raises(Rejected) as shared:
        prove(changed, theory, shapes=shapes)
    assert str(alone.value) == str(shared.value)


def test_another_annotation_of_the_first_layers_is_proved_anew() -> None:
    shapes = Shapes()
    network, theory = built(machines(2, 1)[0])
    prove(network, theory, shapes=shapes)
    head = next(place for place, cases in enumerate(theory.annotation[0]) if cases)
    wrong = [replace(case, selects={}) for case in theory.annotation[0][head]]
    layer = [*theory.annotation[0][:head], wrong, *theory.annotation[0][head + 1 :]]
    with pytest.raises(Rejected):
        prove(network, replace(theory, annotation=(layer, *theory.annotation[1:])), shapes=shapes)


@pytest.mark.parametrize("named", [False, True], ids=["the first layer", "a layer that has names"])
def test_layers_of_which_a_table_is_told_are_not_shared(named: bool) -> None:
    """The condition is the same one, as it is joined with what follows from it."""
    shapes = Shapes()
    network, theory = built(machines(3, 1)[0])
    number, head = next(
        (number, head)
        for number, layer in enumerate(theory.annotation)
        for head, cases in enumerate(layer)
        if bool(number and theory.names[number - 1]) == named and any("run" in one.classes for one in cases)
    )
    cases = []
    for case in theory.annotation[number][head]:
        others = tuple(cls for cls in case.classes if cls != "run")
        cases += [replace(case, classes=others)] if others else []
        if others != case.classes:
            when = f"({case.when}) and (({case.when}) or ROWS of q read_1)"
            cases.append(replace(case, classes=("run",), when=when))
    layers = [list(layer) for layer in theory.annotation]
    layers[number][head] = cases
    told = replace(theory, annotation=layers)
    assert prove(network, told, shapes=shapes).heads == prove(network, theory).heads
    assert [len(first.heads) for first in shapes.known] == [number]


def test_another_bound_on_writes_is_another_theory() -> None:
    machine, shapes = machines(0, 1)[0], Shapes()
    found = []
    for writes in (3, 2):
        network, theory = turing(machine, context=CONTEXT, writes=writes)
        found.append(prove(network, theory, shapes=shapes).heads)
        assert found[-1] == prove(network, theory).heads
    assert found[0] != found[1]


@pytest.mark.parametrize("paradigm", Paradigm)
def test_what_is_said_of_tables_is_left_out(paradigm: Paradigm) -> None:
    network, theory = built(machines(4, 1)[0], paradigm)
    read = read_theory(theory.text, theory.parameters, network.position_bits)
    general = without_tables(read)
    assert any(isinstance(atom, Listed) for one in read.formulas for atom in atoms_in(one))
    assert not any(isinstance(atom, Listed) for one in general.formulas for atom in atoms_in(one))
    assert not general.tables
    for name, one in general.classes.items():
        assert one.facts == [fact for fact in read.classes[name].facts if fact in one.facts]
        assert one.defined.items() <= read.classes[name].defined.items()
        assert all(isinstance(entry, Choice) for listed in one.defined.values() for entry in listed)
        assert (one.ghosts, one.followers) == (read.classes[name].ghosts, read.classes[name].followers)


def test_two_tables_make_one_general_theory() -> None:
    general = []
    for machine in machines(5, 2):
        network, theory = built(machine)
        general.append(without_tables(read_theory(theory.text, theory.parameters, network.position_bits)))
    assert general[0] == general[1]
