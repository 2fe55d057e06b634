"""What has to be true of a transformer's parts (NETWORKS 1); each TransformerError says where and what."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from exactformer.constructions.transformer.exact_norms import PLACES, require_norm
from exactformer.constructions.transformer.exact_numbers import TransformerError, is_dyadic, require_vector
from exactformer.constructions.transformer.exact_parts import (
    ACTIVATIONS,
    LARGEST_BITS,
    BitPositions,
    Form,
    LargestOutputs,
    LinearMap,
    NearestOutputs,
    Outputs,
    Positions,
    TablePositions,
    TransformerLayer,
)
from exactformer.constructions.transformer.exact_rotary import require_rotations


def require_forms(forms: Sequence[Form], length: int, where: str) -> None:
    """Raises TransformerError."""
    for number, form in enumerate(forms):
        require_vector(form.vector, length, f"{where} {number}")
        if not is_dyadic(form.bias):
            raise TransformerError(f"{where} {number}: the bias {form.bias} has no power of two as its denominator")


def require_map(linear: LinearMap, width: int, length: int, where: str) -> None:
    """Raises TransformerError."""
    before = -1
    for coordinate, form in linear:
        if not before < coordinate < width:
            raise TransformerError(f"{where}: coordinate {coordinate} comes after {before}, of {width}")
        require_forms([form], length, f"{where}, coordinate {coordinate}, form")
        before = coordinate


def require_layer(layer: TransformerLayer, width: int, planes: int, where: str) -> None:
    """Check a layer of a network whose rotary tables have so many planes.  Raises TransformerError."""
    for place, head in enumerate(layer.heads):
        of_head = f"{where}, head {place}"
        if len(head.query) != len(head.key):
            raise TransformerError(
                f"{of_head}: {len(head.query)} queries and {len(head.key)} keys; a score needs the same number of both"
            )
        for name, forms in (("query", head.query), ("key", head.key), ("value", head.value)):
            require_forms(forms, width, f"{of_head}, {name}")
        require_map(head.out, width, len(head.value), f"{of_head}, out")
        if head.scale <= 0:
            raise TransformerError(f"{of_head}: the scale of scores is {head.scale}; it has to be above 0")
        require_rotations(head.rotary, len(head.query), planes, of_head)
    require_forms(layer.neurons, width, f"{where}, neuron")
    require_forms(layer.gates, width, f"{where}, gate")
    require_map(layer.out, width, len(layer.neurons), f"{where}, out of the MLP")
    if layer.activation not in ACTIVATIONS:
        raise TransformerError(
            f"{where}: the activation is {layer.activation!r}; it has to be one of {', '.join(ACTIVATIONS)}"
        )
    if layer.gates and len(layer.gates) != len(layer.neurons):
        raise TransformerError(
            f"{where}: {len(layer.gates)} gates for {len(layer.neurons)} neurons; give each neuron a gate, or none"
        )
    for of_norm, norm in layer.norms:
        require_norm(norm, width, f"{where}, {PLACES[of_norm]}")


def require_positions(positions: Positions, width: int) -> None:
    """Raises TransformerError."""
    match positions:
        case BitPositions(first, bits):
            if not (first >= 0 and 1 <= bits <= LARGEST_BITS and first + bits <= width):
                raise TransformerError(
                    f"{bits} bits of the position from coordinate {first} do not fit the width {width}; "
                    f"give 1 to {LARGEST_BITS}"
                )
        case TablePositions(table):
            if not table:
                raise TransformerError("the table of positions is empty; give the vector of at least one")
            for position, vector in enumerate(table):
                require_vector(vector, width, f"the vector of position {position}")


def require_outputs(outputs: Outputs, width: int) -> None:
    """Raises TransformerError."""
    match outputs:
        case LargestOutputs(names, forms):
            if len(names) < 2:
                raise TransformerError(f"there are {len(names)} outputs; a network needs at least two")
            if len(names) != len(forms):
                raise TransformerError(f"{len(names)} names for {len(forms)} outputs; each output needs one")
            if len(set(names)) < len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise TransformerError(f"the output {twice!r} is there twice; names have to be unique")
            for name, form in zip(names, forms, strict=True):
                require_forms([form], width, f"the output {name!r}, form")
        case NearestOutputs(form, numbers):
            if len(numbers) < 2:
                raise TransformerError(f"there are {len(numbers)} numbers for outputs; a network needs at least two")
            for before, after in pairwise(numbers):
                if before >= after:
                    raise TransformerError(f"the outputs' number {after} comes after {before}; numbers have to ascend")
            require_forms([form], width, "the outputs' form")
