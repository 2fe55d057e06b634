"""Documents of NETWORKS, written as plain dictionaries, with hardmax computed naively in fractions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

Numbers = list[Fraction]


def vector(**entries: Any) -> list[list[Any]]:
    """``vector(x0=1, x3="1/2")``."""
    return [[int(name[1:]), value] for name, value in sorted(entries.items(), key=lambda item: int(item[0][1:]))]


def number(value: Fraction | int) -> int | str:
    """As NETWORKS writes it."""
    value = Fraction(value)
    return int(value) if value.denominator == 1 and abs(value) <= 2**53 else str(value)


def network(
    width: int,
    vocabulary: dict[str, tuple[Any, Any]],
    layers: Sequence[Any],
    attention: str = "causal",
    positions: Any = None,
) -> dict[str, Any]:
    """A network document; ``vocabulary`` has (embedding, unembedding)."""
    return {
        "format": "exactformer network",
        "version": 2,
        "width": width,
        "coordinates": [],
        "attention": attention,
        "positions": positions,
        "vocabulary": [{"token": t, "embedding": e, "unembedding": u} for t, (e, u) in vocabulary.items()],
        "layers": list(layers),
    }


def head(query: Any, key: Any, value: Any, out: Any, name: str = "head") -> dict[str, Any]:
    return {"name": name, "query": query, "key": key, "value": value, "out": out}


def layer(*heads: Any, neurons: Any = (), out: Any = ()) -> dict[str, Any]:
    return {"heads": list(heads), "mlp": {"neurons": list(neurons), "out": list(out)}}


def canonical(document: Any) -> bytes:
    return (json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True) + "\n").encode()


def made(form: Any, x: Numbers) -> Fraction:
    """What a form makes of x."""
    return sum((Fraction(weight) * x[index] for index, weight in form[0]), Fraction(form[1]))


def position_of(document: Any, place: int) -> list[list[Any]]:
    positions = document["positions"]
    if positions is None:
        return []
    if "table" in positions:
        return list(positions["table"][place])
    first, r = positions["bits"]
    return [[first + b, 1 if (place >> b) % 2 else -1] for b in range(r)]


def turned(document: Any, head: Any, entries: Numbers, place: int) -> Numbers:
    """A query or a key where the head rotates."""
    found = list(entries)
    for a, b, plane in head.get("rotary", []):
        cosine, sine = map(Fraction, document["rotary"][place][plane])
        found[a] = entries[a] * cosine - entries[b] * sine
        found[b] = entries[b] * cosine + entries[a] * sine
    return found


def neurons_of(mlp: Any, x: Numbers) -> Numbers:
    """In exact rationals; the activation is relu or identity."""
    name, own = mlp.get("activation", "relu"), [made(form, x) for form in mlp["neurons"]]
    assert name in ("relu", "identity"), f"{name} is not rational"
    first = [made(form, x) for form in mlp["gates"]] if "gates" in mlp else own
    active = [max(z, Fraction(0)) if name == "relu" else z for z in first]
    return [gate * z for gate, z in zip(active, own, strict=True)] if "gates" in mlp else active


def hardmax_states(document: Any, tokens: Sequence[str]) -> tuple[list[list[Numbers]], list[list[tuple[Any, int]]]]:
    """x of all tokens, at first and after every sublayer; for each layer's heads (separation, ties)."""
    embedding = {entry["token"]: entry["embedding"] for entry in document["vocabulary"]}
    xs = []
    for place, token in enumerate(tokens):
        x = [Fraction(0)] * document["width"]
        for index, weight in [*embedding[token], *position_of(document, place)]:
            x[index] += Fraction(weight)
        xs.append(x)
    states, heads = [xs], []
    for here in document["layers"]:
        behind, found = [list(x) for x in xs], []
        for one in here["heads"]:
            gaps, ties = [], 0
            for i, x in enumerate(xs):
                last = i if document["attention"] == "causal" else len(xs) - 1
                places = [j for j in range(last + 1) if tokens[j] not in document.get("unseen", [])]
                seen = [xs[j] for j in places]
                query = turned(document, one, [made(form, x) for form in one["query"]], i)
                keys = [turned(document, one, [made(form, xs[j]) for form in one["key"]], j) for j in places]
                scores = [
                    sum((q * k for q, k in zip(query, key, strict=True)), Fraction(0)) * Fraction(one.get("scale", 1))
                    for key in keys
                ]
                chosen = [y for y, score in zip(seen, scores, strict=True) if score == max(scores)]
                gaps += [max(scores) - score for score in scores if score != max(scores)]
                ties = max(ties, len(chosen))
                values = [sum((made(v, y) for y in chosen), Fraction(0)) / len(chosen) for v in one["value"]]
                for coordinate, form in one["out"]:
                    behind[i][coordinate] += made(form, values)
            found.append((min(gaps) if gaps else None, ties))
        xs = behind
        heads.append(found)
        states.append(xs)
        behind = [list(x) for x in xs]
        for i, x in enumerate(xs):
            neurons = neurons_of(here["mlp"], x)
            for coordinate, form in here["mlp"]["out"]:
                behind[i][coordinate] += made(form, neurons)
        xs = behind
        states.append(xs)
    return states, heads


def hardmax(document: Any, sequences: Sequence[Any]) -> dict[str, Any]:
    """The ``hardmax`` of a certificate."""
    runs = [hardmax_states(document, one["tokens"]) for one in sequences]
    entries = []
    for number_, here in enumerate(document["layers"]):
        for place, one in enumerate(here["heads"]):
            gaps = [heads[number_][place][0] for _, heads in runs if heads[number_][place][0] is not None]
            ties = max(heads[number_][place][1] for _, heads in runs)
            separation = str(min(gaps)) if gaps else None
            entries.append(
                {"layer": number_ + 1, "head": place, "name": one["name"], "separation": separation, "ties": ties}
            )
    margins = []
    for one, (states, _) in zip(sequences, runs, strict=True):
        for place, expected in one["asked"]:
            logits = {entry["token"]: made(entry["unembedding"], states[-1][place]) for entry in document["vocabulary"]}
            own = logits.pop(expected)
            margins.append(own - max(logits.values()))
    return {"heads": entries, "margin": str(min(margins))}


def claim(verdict: str, sequences: Sequence[Any], arithmetic: str, beta: int) -> str:
    n, m = len(sequences), sum(len(one["asked"]) for one in sequences)
    given = "1 given sequence" if n == 1 else f"{n} given sequences"
    asked = "the 1 position" if m == 1 else f"the {m} positions"
    subject = f"On {given}, the softmax transformer of these weights, in the arithmetic {arithmetic} at beta = {beta}, "
    return (
        subject
        + {
            "certified": f"ranks the expected token strictly first at each of {asked} asked about.",
            "refuted": f"does not rank the expected token strictly first at each of {asked} asked about.",
            "inconclusive": f"is not shown to rank the expected token strictly first at each of {asked} asked about, "
            "nor shown not to.",
        }[verdict]
    )


def certificate(
    document: Any,
    sequences: Sequence[Any],
    arithmetic: str,
    beta: int,
    verdict: str,
    margin: str | None,
    drift: Any,
    refutation: Any = None,
) -> dict[str, Any]:
    """A certificate about the network with this document."""
    return {
        "format": "exactformer certificate about sequences",
        "version": 2,
        "statement": {
            "claim": claim(verdict, sequences, arithmetic, beta),
            "sequences": list(sequences),
            "arithmetic": arithmetic,
            "beta": str(beta),
        },
        "network": {
            "weights": {"file": "network.json", "sha256": hashlib.sha256(canonical(document)).hexdigest()},
        },
        "hardmax": hardmax(document, sequences),
        "softmax": {"margin": margin, "drift": drift},
        "verdict": verdict,
        "refutation": refutation,
        "provenance": {},
    }


def written(folder: Path, document: Any, said: Any) -> Path:
    """The certificate's file, with its network in the same folder."""
    (folder / "network.json").write_bytes(canonical(document))
    path = folder / "some.certificate.json"
    path.write_bytes(canonical(said))
    return path
