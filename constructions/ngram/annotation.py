"""What the heads of n-gram look-up select and receive, in the ghosts of `ngram.theory`."""

from __future__ import annotations

from exactformer.constructions.theory import Case, HeadCases


def annotate_ngram(n: int, r: int) -> list[list[HeadCases]]:
    """The cases of every head of every layer, in the program's order."""
    layers: list[list[HeadCases]] = [[]]
    layers += [[_look_up(k)] for k in range(1, n + 1)]
    layers += [[] for _ in range(r + 1)]
    layers[n + 1].append([Case(("sym",), "found", {"sym": _same(n)}, "w", "1"), *_start("not (found)")])
    for step in range(r):
        b = r - 1 - step
        agrees = f"{_same(n)} and drop(j.pos, {b}) = drop(w, {b})"
        one = f"found and bit(w, {b})"
        layers[n + 1 + step].append([Case(("sym",), one, {"sym": agrees}, "w", "1"), *_start(f"not ({one})")])
    layers[n + 1 + r].append([Case(("sym",), "found", {"sym": "j.pos = w"}, "w", "sign(g)"), *_start("not (found)")])
    return layers


def _look_up(k: int) -> HeadCases:
    there = f"j.pos = pos - {k}"
    return [
        Case(("sym",), "true", {"start": there, "sym": there}, f"pos - {k}", f"(sign(p_{k}) if pos > {k} else 0)"),
        Case(("start",), "true", {"start": "true"}, "pos", "0"),
    ]


def _same(n: int) -> str:
    """j comes right after the same n symbols as those that end at i."""
    return " and ".join([f"pos >= {n}", f"j.pos >= {n + 1}", *(f"j.p_{k} = p_{k - 1}" for k in range(1, n + 1))])


def _start(otherwise: str) -> HeadCases:
    """START selects itself; other tokens select it if nothing was found."""
    return [
        Case(("sym",), otherwise, {"start": "true"}, "0", "0"),
        Case(("start",), "true", {"start": "true"}, "pos", "0"),
    ]
