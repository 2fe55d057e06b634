"""What the heads of the SUBLEQ computer select and receive, in the ghosts of `subleq.theory`."""

from __future__ import annotations

from exactformer.constructions.theory import Case, HeadCases, Hold

WRITERS = ("cell", "step")


def annotate_subleq(r: int) -> list[list[HeadCases]]:
    """The cases of every head of every layer, in the program's order."""
    return [[], *_look_up((1, 2, 3), r), *_look_up((4, 5), r), *([] for _ in range(5))]


def holds_subleq(r: int) -> list[list[Hold]]:
    """The numbers of a step, each by one ghost instead of as a sum, a difference, or by cases."""
    layers: list[list[Hold]] = [[] for _ in range(2 * r + 8)]
    layers[0] += (Hold(("step",), f"address_{k}", f"sign(n_{k})") for k in (2, 3))
    for layer, which in ((r + 2, (1, 2, 3)), (2 * r + 3, (4, 5))):
        layers[layer - 1] += (Hold(("step",), f"read_{k}", f"sign(n_{k + 3})") for k in which)
    layers[2 * r + 5].append(Hold(("step",), "result", "sign(result)"))
    layers[2 * r + 7].append(Hold(("step",), "next", "sign(next)"))
    return layers


def _look_up(which: tuple[int, ...], r: int) -> list[list[HeadCases]]:
    """Layer by layer: all tokens that wrote to the cell; those at a position with these high bits; the last one."""
    layers: list[list[HeadCases]] = [[_found(f"found_{k}", k, f"j.x = n_{k}", "1") for k in which]]
    for b in reversed(range(r)):
        agrees = "j.x = n_{k} and drop(j.pos, {b}) = drop(w_{k}, {b})"
        heads = [_found(f"found_{k} and bit(w_{k}, {b})", k, agrees.format(k=k, b=b), "1") for k in which]
        layers[-1:] = [[*layers[-1], *heads]] if b == r - 1 else [layers[-1], heads]
    return [*layers, [_found(f"found_{k}", k, f"j.pos = w_{k}", f"sign(n_{k + 3})") for k in which]]


def _found(when: str, k: int, selected: str, value: str) -> HeadCases:
    """The selected writers, if there is one; else, and for other tokens, START."""
    return [
        Case(("step",), when, dict.fromkeys(WRITERS, selected), f"w_{k}", value),
        Case(("step",), f"not ({when})", {"start": "true"}, "0", "0"),
        Case(("start", "cell"), "true", {"start": "true"}, "0", "0"),
    ]
