"""What look-ups bring: behind attention, what is annotated (SPEC 13.2, 13.4; spec 5.1, point 3).

A look-up selects the token max(i - d, 0) (`verify.annotation.heads`).  What it brings must be what the meaning says,
for each state of the token that asks and each state that the token d back may have.
"""

from __future__ import annotations

from exactformer.constructions.transformer.network import CompiledHead, Layer
from exactformer.constructions.transformer.registers import Span
from exactformer.verify.annotation.annotation import Annotation
from exactformer.verify.annotation.content import Back, Bit, Code, Content, Fetched, Zero
from exactformer.verify.annotation.layout import specialized, transport
from exactformer.verify.annotation.meanings import AtPosition, Meaning


def wrong_frame(annotation: Annotation, number: int, layer: Layer) -> str | None:
    """Whether attention is annotated to change a register that no head writes, or two heads write one coordinate."""
    written = [c for head in layer.heads for c in head.out]
    if len(set(written)) != len(written):
        return f"layer {number}: two heads write one coordinate"
    for kind in annotation.contents:
        before, after = annotation.before_attention(kind, number), annotation.behind_attention(kind, number)
        for span in annotation.registers:
            if before[span.name] != after[span.name] and not any(head.out == span.coordinates for head in layer.heads):
                return f"layer {number}, {kind.value}: no head writes {span}, and it goes to {after[span.name]}"
    return None


def wrong_fetch(annotation: Annotation, number: int, head: CompiledHead, meaning: Meaning) -> str | None:
    """How what a look-up brings differs from what its meaning says, in some state; None if it does not."""
    if not (isinstance(meaning.selected, AtPosition) and isinstance(meaning.selected.number, Back)):
        return None
    distance, r = meaning.selected.number.distance, annotation.shape.position_bits
    sequences = annotation.sequences
    read = _read(annotation, head)
    if read is None:
        return f"layer {number}, head {head.name}: its values are no register, nor one bit of one"
    span, bit = read
    if isinstance(meaning.value, Fetched):
        whole = bit is None and meaning.value == Fetched(span.name, distance, number)
        return None if whole else f"layer {number}, head {head.name}: {meaning.value} is not what it fetches"
    held = {kind: _part(annotation.before_attention(kind, number)[span.name], bit) for kind in annotation.contents}
    for state in sequences.states:
        if state.kind is not meaning.kind:
            continue
        said = specialized(meaning.value, state)
        for other in sequences.back(state, distance):
            brought = held[other.kind]
            carried = None if brought is None else transport(specialized(brought, other), state, distance, r)
            if carried != said:
                return (
                    f"layer {number}, head {head.name}, {state}: {said} is annotated, a token {other} brings {brought}"
                )
    return None


def _read(annotation: Annotation, head: CompiledHead) -> tuple[Span, int | None] | None:
    """The register that a head's values are, or the one bit of it."""
    for span in annotation.registers:
        if head.value == span.coordinates:
            return span, None
        if len(head.value) == 1 and head.value[0] in span.coordinates:
            return span, head.value[0] - span.offset
    return None


def _part(content: Content, bit: int | None) -> Content | None:
    """One bit of a content that is a code or nothing; the content itself where no bit is named."""
    if bit is None or content == Zero():
        return content
    return Bit(content.number, bit) if isinstance(content, Code) else None
