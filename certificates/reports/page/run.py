"""A run token by token: what each token means, and which tokens the heads select, as arrows when one is pointed at."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from exactformer.certificates.reports.page.replay import MOST_EVALUATED, Replay, Selected, replay_of, selections
from exactformer.certificates.reports.page.section import Section, facts, layers_of, note, scrolled, short
from exactformer.certificates.reports.page.source import Source
from exactformer.certificates.reports.tokens import legend
from exactformer.constructions.html import Markup, element, folded, joined, paragraph, table
from exactformer.constructions.machines.machine import Move
from exactformer.constructions.transformer.vocabulary import Token, Vocabulary
from exactformer.constructions.turing.paradigm import Paradigm

MOST_TOKENS = 140
"""How many tokens of a run are shown, from its beginning on."""
AROUND = 3
"""How many lines are shown before and after a token that matters."""
A_LINE = 48
"""The most tokens of one line."""
MOST_TARGETS = 24
"""How many of the tokens that a head selects are listed."""
Line = tuple[int, list[Token]]


def run_section(source: Source, word: str | None, token: int | None = None) -> Section | None:
    """The beginning of the run, and the lines around ``token``; None if there is no machine."""
    replay = replay_of(source, word)
    if replay is None:
        return None
    vocabulary = source.compiled.vocabulary
    lines = shown_lines(replay, token)
    positions = [place for start, tokens in lines for place in range(start, start + min(len(tokens), A_LINE))]
    total, context = len(replay.sequence), int(source.statement["context"])
    attention, why = _attention(source, replay, [position for position in positions if position < context])
    rows = [
        ("input", short(replay.word, 120) or "the empty word"),
        ("output", (short(replay.output, 120) or "the empty word") if replay.halted else "not reached here"),
        (
            "steps",
            f"{replay.steps:,}" if replay.halted else f"more than can be followed here: the first {replay.steps:,}",
        ),
        ("tokens", f"{total:,}" if replay.halted else f"the first {total:,} were made"),
    ]
    if total > context:
        rows.append(("longer than the context", f"the claim is about its first {context:,} tokens"))
    if replay.paradigm is Paradigm.SCOT:
        known = f"of {replay.segments:,}" if replay.halted else f"of more than {replay.segments:,}"
        rows.append(("segment", f"{replay.segment}, counted from 0, {known}"))
    meanings = legend([replay.sequence], replay.machine.tapes)
    shown = len(positions)
    skipped = note(
        f"Of {total:,} tokens {shown:,} are shown; {total - shown:,} are left out: `exactformer run` prints them."
        if shown < total
        else f"All {total:,} tokens are shown."
    )
    body = [
        paragraph(
            "The run was computed for this page by simulating the machine. Which tokens each head selects was "
            "computed by running the network of the weights file with hardmax, in integers."
        ),
        facts("this run", rows),
        facts("what the tokens mean", list(meanings.rows)),
        _controls(attention) if attention is not None else note(f"Attention is not drawn: {why}."),
        element(
            "div",
            element("ol", *_items(replay, vocabulary, lines, token), class_="lines"),
            element("svg", class_="arrows", aria_hidden="true", focusable="false"),
            class_="run",
        ),
        skipped,
    ]
    if attention is not None:
        body += [_as_table(replay, vocabulary, attention), _data(attention)]
    return Section("run", "A run, token by token", joined(body))


def shown_lines(replay: Replay, token: int | None) -> list[Line]:
    """The first lines, up to this many tokens, and those around a token."""
    chosen, count = list[int](), 0
    for number, (_, tokens) in enumerate(replay.lines):
        if chosen and count + min(len(tokens), A_LINE) > MOST_TOKENS:
            break
        chosen.append(number)
        count += min(len(tokens), A_LINE)
    if token is not None:
        at = next((n for n, (start, tokens) in enumerate(replay.lines) if start <= token < start + len(tokens)), None)
        if at is not None:
            chosen += range(max(0, at - AROUND), min(len(replay.lines), at + AROUND + 1))
    return [replay.lines[number] for number in sorted(set(chosen))]


def _attention(source: Source, replay: Replay, positions: list[int]) -> tuple[dict[int, list[Selected]] | None, str]:
    """What heads select at these tokens; or None, and why it is not known."""
    near = [position for position in positions if position < MOST_EVALUATED]
    try:
        return selections(source, replay.sequence, near), ""
    except (ValueError, LookupError, ArithmeticError) as error:
        return None, f"the network of the weights file does not run on this word ({short(str(error), 160)})"


def _controls(attention: dict[int, list[Selected]]) -> Markup:
    layers = sorted({one.layer for selected in attention.values() for one in selected})
    options = [element("option", "all layers", value="")]
    options += [element("option", f"layer {layer}", value=layer) for layer in layers]
    return element(
        "div",
        element(
            "p",
            "Point at a token, or move from token to token with the arrow keys: arrows go to the tokens that heads "
            "select there, and the box says which head selects which token. Heads that bring only zeros are left out.",
        ),
        element("label", "Arrows of ", element("select", *options, id="layer"), for_="layer"),
        element("div", "No token is chosen.", id="selected", role="status", aria_live="polite", tabindex=0),
        class_="attention script",
    )


def _items(replay: Replay, vocabulary: Vocabulary, lines: Sequence[Line], token: int | None) -> list[Markup]:
    """A line of tokens and its meaning; if lines are left out, how many tokens they have."""
    items, end, numbers = list[Markup](), 0, {start: n for n, (start, _) in enumerate(replay.lines)}
    steps = _steps_before(replay)
    for start, tokens in lines:
        if start > end:
            items.append(element("li", f"{start - end:,} tokens are left out here.", class_="gap"))
        step = steps[numbers[start]]
        chips = [
            element(
                "button",
                element("span", f"{start + place}", class_="place"),
                " ",
                vocabulary.describe(one),
                type="button",
                class_=f"token {_family(one)}" + (" failing" if start + place == token else ""),
                data_token=start + place,
            )
            for place, one in enumerate(tokens[:A_LINE])
        ]
        if len(tokens) > A_LINE:
            chips.append(element("span", f"and {len(tokens) - A_LINE:,} more", class_="more"))
        said = explained(replay, vocabulary, tokens, step, given=start + len(tokens) <= replay.sequence.prompt)
        items.append(element("li", element("span", *chips, class_="tokens"), " ", element("span", said, class_="said")))
        end = start + len(tokens)
    return items


def _steps_before(replay: Replay) -> list[int]:
    """How many steps of this segment come before each line."""
    found, done = [], 0
    for _, tokens in replay.lines:
        found.append(done)
        done += tokens[-1].family == "RUN"
    return found


def _family(token: Token) -> str:
    return {"RUN": "step", "BIT": "bit", "SIGMA": "symbol", "CELL": "symbol"}.get(token.family, "mark")


MOVES = {Move.LEFT.value: "moves left", Move.STAY.value: "stays", Move.RIGHT.value: "moves right"}


def explained(replay: Replay, vocabulary: Vocabulary, tokens: Sequence[Token], step: int, *, given: bool) -> str:
    """The meaning of a line of tokens.  ``step``: how many steps of this segment come before it."""
    tapes, last = replay.machine.tapes, tokens[-1]
    match last.family:
        case "RUN":
            state, *rest = vocabulary.values_of(last)
            number = f"step {step + 1}" if replay.paradigm is Paradigm.COT else f"step {step + 1} of this segment"
            halts = "; halts" if state == replay.machine.halting else ""
            if tapes > 1:
                written, moved = " ".join(rest[:tapes]), " ".join(rest[tapes:])
                return f"{number}: writes {written} and moves {moved}, tape by tape; goes to {state}{halts}"
            return f"{number}: writes {rest[0]}, {MOVES.get(rest[1], rest[1])}, goes to {state}{halts}"
        case "EPOS":
            cells = [0] * tapes
            for bit, token in enumerate(token for token in tokens if token.family == "BIT"):
                cells = [cell | value << bit for cell, value in zip(cells, token.values, strict=True)]
            said = f"cell {cells[0]}" if tapes == 1 else f"cells {', '.join(map(str, cells))}"
            heads = "the head stands" if tapes == 1 else "the heads stand"
            return f"after these steps {heads} on {said}: its binary digits, the lowest first"
        case "EINP":
            return f"the prompt: the input {short(replay.word, 60) or '(empty)'}, which is given"
        case "ESUMM":
            what = "the prompt" if given else "the summary, which is the next prompt"
            cells_said = sum(token.family == "CELL" for token in tokens)
            state = next((vocabulary.values_of(token)[0] for token in tokens if token.family == "STATE"), "?")
            return f"{what}: the whole configuration, {cells_said} cells from cell 0 on, and the state {state}"
        case "EOUTP":
            return f"the output {short(replay.output, 60) or '(empty)'}"
    return "the run goes on"


def _as_table(replay: Replay, vocabulary: Vocabulary, attention: dict[int, list[Selected]]) -> Markup:
    """The arrows as a table, for print and for readers who cannot see them."""
    rows = [
        (position, vocabulary.describe(replay.sequence.tokens[position]), short(_words(selected), 600) or "nothing")
        for position, selected in attention.items()
    ]
    listed = table(
        ["token", "is", "head (layers): tokens that it selects"],
        rows,
        caption="Which tokens the heads select at each token, if they bring something other than 0",
        headed=True,
    )
    return folded("The arrows as a table", scrolled("which tokens heads select", listed))


def _words(selected: Sequence[Selected]) -> str:
    together: dict[tuple[str, tuple[int, ...]], list[int]] = defaultdict(list)
    for one in selected:
        together[one.head, one.positions].append(one.layer)
    return "; ".join(
        f"{head} ({layers_of(layers)}): {', '.join(map(str, positions[:MOST_TARGETS]))}"
        + (f" and {len(positions) - MOST_TARGETS:,} more" if len(positions) > MOST_TARGETS else "")
        for (head, positions), layers in together.items()
    )


def _data(attention: dict[int, list[Selected]]) -> Markup:
    """For the script: the heads that occur, and for each token [head, selected tokens, how many there are]."""
    names = list(dict.fromkeys((one.layer, one.head) for selected in attention.values() for one in selected))
    number = {name: place for place, name in enumerate(names)}
    document = {
        "heads": names,
        "tokens": {
            str(position): [
                [number[one.layer, one.head], list(one.positions[:MOST_TARGETS]), len(one.positions)]
                for one in selected
            ]
            for position, selected in attention.items()
        },
    }
    text = json.dumps(document, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return element("script", Markup(text), type="application/json", id="attention-data")
