"""Each part of the checker of words is needed: without it a test of this folder sees something else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from types import ModuleType
from typing import NamedTuple

import pytest

from exactformer.certificates.checker.sequences import arithmetic, attention, network
from exactformer.certificates.checker.sequences import walk as one_word
from exactformer.certificates.checker.words import (
    check,
    heads,
    levels,
    outputs,
    regular,
    sets,
    statement,
    states,
    tables,
    walk,
)
from tests.checker.sequences import test_attention
from tests.checker.softmax.mutants import mutated
from tests.checker.words import test_by_hand as by_hand
from tests.checker.words import test_norms_gates_rotary as more
from tests.checker.words import test_outputs as outputs_alone
from tests.checker.words import test_sets as of_all
from tests.checker.words import test_simulation as simulated
from tests.checker.words import test_tables as of_tables
from tests.checker.words import test_transducers as by_transducer
from tests.checker.words.drawn import drawn
from tests.checker.words.test_regular import BY_HAND, automaton, require_levels, words_of
from tests.checker.words.test_regular import test_random_expressions as random_expressions
from tests.checker.words.test_simulation import test_numbers_of_tokens_of_each_class_are_told_apart as told_apart

Notices = Callable[[Path], None]
"""A test, which fails for what is wrong; from a folder of its own."""


class Part(NamedTuple):
    """A part of the checker's text, what takes its place, and the test that notices."""

    module: ModuleType
    old: str
    new: str
    notices: Notices


def seed(number: int) -> Notices:
    """The random case of this seed."""
    return lambda _: drawn(number).compare(Random(number), 2)


def bad(title: str) -> Notices:
    """A certificate that is not valid."""
    return lambda folder: by_hand.test_certificates_that_are_not_valid(title, folder)


def too_many_words(folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patched:
        by_transducer.test_too_many_words_are_not_judged(folder, patched)


def shorter_words(_: Path) -> None:
    with pytest.MonkeyPatch.context() as patched:
        simulated.test_shorter_words_make_no_difference(patched)


def bad_table(title: str) -> Notices:
    """What is not an automaton, or not a transducer."""
    if title in of_tables.BAD_AUTOMATA:
        return lambda _: of_tables.test_what_is_no_automaton(title)
    return lambda _: of_tables.test_what_is_no_transducer(title)


def bad_transducer(title: str) -> Notices:
    """A certificate with a transducer, or an automaton, that is not valid."""
    return lambda folder: by_transducer.test_certificates_that_are_not_valid(title, folder)


def words(text: str) -> Notices:
    """The words of an expression."""

    def notices(_: Path) -> None:
        assert words_of(text) == BY_HAND[text]

    return notices


def in_levels(_: Path) -> None:
    require_levels(automaton("a b | b c c"), [(0, 1)], 2)


def overflow(title: str, attention_: str = "causal") -> Notices:
    return lambda folder: by_hand.test_an_overflow_leaves_nothing_shown_of_a_word(title, attention_, folder)


def read_later(title: str) -> Notices:
    return lambda folder: by_hand.test_what_a_later_layer_reads(title, folder)


def scores_of(place: int) -> Notices:
    return lambda _: test_attention.test_scores(test_attention.SCORES[place])


def between_ends(_: Path) -> None:
    outputs_alone.test_outputs_between_ends()


def a_tie(_: Path) -> None:
    outputs_alone.test_a_tie_is_not_said()


def values_together(_: Path) -> None:
    for numbers in ((1, 3), (-6, 4), (-5, 8)):
        outputs_alone.test_values_together(numbers)


def below_the_largest(_: Path) -> None:
    test_attention.test_how_far_scores_are_below_the_largest("float(3,-2,20)")


def positions(folder: Path) -> None:
    more.test_equal_tokens_at_different_positions_are_different("causal", 0, folder)


def reads_all(place: str) -> Notices:
    """Norms read all coordinates."""
    return lambda folder: more.test_a_norm_reads_all_coordinates(place, folder)


def in_sets(title: str) -> Notices:
    """Gates, all words at once."""
    return lambda folder: more.test_gates_with_hardmax(title, folder)


OF_NO_OUTPUT = """\
        if output not in outputs:
            raise Rejected("", f"has {quote(output)}, which is not an output of the network")
"""
OF_GROUPS = "            query = query_of(self.arithmetic, [Scores(count, one.low, one.high) for count, one in key])\n"


def at_once(number: int) -> Notices:
    """All words of a length of the random case of this seed."""

    def notices(_: Path) -> None:
        of_all.compare(drawn(number), Random(number).choice((None, 0, 1)), Random(number))

    return notices


# fmt: off
PARTS = {
    # words of a language
    "1: what may be left out": Part(
        regular, "if number >= least:", "if number > least:", words("a?b"),
    ),
    "1: words, not their beginnings": Part(
        regular, "if last in nodes}, tokens", "if nodes}, tokens", words("(a b)*"),
    ),
    "1: how many tokens are needed": Part(
        regular, "        far += 1\n", "        far += 0\n", words("(a b)*"),
    ),
    "1: names in quotes": Part(
        regular, r're.sub(r"\\(.)", r"\1", quoted)', "quoted", lambda _: random_expressions(0),
    ),
    "1: no longer words": Part(
        levels, "<= left)", "<= left + 1)", in_levels,
    ),
    "1: all words": Part(
        levels, "<= left)", "< left)", in_levels,
    ),
    "1: beginnings are not words": Part(
        levels, "automaton.distance[states] == 0)", "automaton.distance[states] >= 0)", in_levels,
    ),
    "1: how many words": Part(
        levels, "found.append(sum(states[automaton.distance == 0].tolist()))", "found.append(here)", in_levels,
    ),
    # automata and transducers
    "1: the first state is the start": Part(
        tables, "enumerate([first, *(state for state in every if state != first)])", "enumerate(sorted(every))",
        lambda _: of_tables.test_random_automata(0),
    ),
    "1: which has an entry": Part(
        tables, "if first not in every:", "if False:", bad_table("a start that is none"),
    ),
    "1: accepting states": Part(
        tables, "states) for state in accepting}, len(places))", "states) for state in states}, len(places))",
        lambda _: of_tables.test_random_automata(0),
    ),
    "1: each once": Part(
        tables, "if accepting != sorted(set(accepting)):", "if False:", bad_table("accepting a state twice"),
    ),
    "1: tokens of the vocabulary": Part(
        tables, "                if token not in places:\n",
        "                places = {token: 0, **places}\n                if False:\n",
        bad_table("a token that is none"),
    ),
    "1: states that have an entry": Part(
        tables, "    if found is None:\n", "    found = found or (0, {})\n    if False:\n",
        bad_table("a move to no state"),
    ),
    "1: outputs of the network": Part(
        tables, f"{OF_NO_OUTPUT}        return _state(move[0], states), outputs[output]\n",
        "        return _state(move[0], states), outputs.get(output, 0)\n", bad_table("an output that is none"),
    ),
    "1: a state and an output": Part(
        tables, "if len(move) != 2:", "if len(move) < 2:", bad_table("two outputs"),
    ),
    "1: an automaton has no outputs": Part(
        tables, "lambda move: _state(move, states))",
        "lambda move: _state(move if isinstance(move, str) else move[0], states))",
        bad_table("a move with an output"),
    ),
    "1: every word has a run": Part(
        tables, "            if (states < 0).any():\n", "            if False:\n", bad_transducer("a move too few"),
    ),
    "1: the next state": Part(
        tables, "states = self.moves[states, column]", "states = self.moves[states, column] * 0",
        lambda _: of_tables.test_random_transducers(0),
    ),
    "2: outputs only where it is asked": Part(
        tables, "if place in places[asked]:", "if True:", lambda _: of_tables.test_random_transducers(0),
    ),
    "2: which transducer": Part(
        statement, 'f" of the transducer {named(self.transducer)}"', 'f" of the transducer {named(None)}"',
        by_transducer.test_proved,
    ),
    "2: which automaton": Part(
        statement, 'f"of the automaton {named(self.words)}"', 'f"of the automaton {named(None)}"',
        by_transducer.test_proved,
    ),
    "2: nothing besides a transducer": Part(
        statement, 'return members("statement.expected", self.expected, "transducer")["transducer"]',
        'return self.expected["transducer"]', bad_transducer("a listing besides"),
    ),
    "3: the outputs of the transducer": Part(
        check, "wrong = asked & (of_length.outputs != expected)", "wrong = asked & (of_length.outputs == UNKNOWN)",
        bad_transducer("an output is another"),
    ),
    "3: where it has one": Part(
        check, "wrong = asked & (of_length.outputs != expected)", "wrong = of_length.outputs != expected",
        by_transducer.test_where_a_move_has_no_output_nothing_is_asked,
    ),
    "3: margins where it has one": Part(
        check, "walked.margin(of_length.states[asked])", "walked.margin(of_length.states)",
        by_transducer.test_the_margin_is_that_of_what_is_asked,
    ),
    "3: a transducer asks something": Part(
        check, "    if not margins:\n        raise Rejected(\"statement\", \"asks about no word\")\n    return margins",
        "    return margins", lambda folder: by_transducer.test_something_is_asked("proved", folder),
    ),
    "3: also if it is inconclusive": Part(
        check, "    if not found:\n", "    if False:\n",
        lambda folder: by_transducer.test_something_is_asked("inconclusive", folder),
    ),
    "3: then words have runs, too": Part(
        check, "            require_asked(transducer, automaton, statement, network)\n", "            pass\n",
        lambda folder: by_transducer.test_every_word_has_a_run("inconclusive", folder),
    ),
    "3: too many words for a transducer": Part(
        check, "        numbers_of_words(automaton, statement.length)  # too many are not judged\n", "",
        too_many_words,
    ),
    "3: refuted where the transducer has an output": Part(
        check, "if place == NOTHING:", "if False:", bad_transducer("refuted where nothing is asked"),
    ),
    "3: by another output than the transducer's": Part(
        check, "        expected = names[place]\n", "        expected = names[1 - place]\n", by_transducer.test_refuted,
    ),
    # certificates
    "1: words that begin with what is not seen": Part(
        check, "if state >= 0 and automaton.distance[state] < statement.length:", "if False:",
        by_hand.test_words_begin_with_a_token_that_is_seen,
    ),
    "1: but not those that are too long": Part(
        check, "automaton.distance[state] < statement.length:", "automaton.distance[state] <= statement.length:",
        by_hand.test_words_begin_with_a_token_that_is_seen,
    ),
    "1: positions of the network": Part(
        check, "if network.positions is not None and statement.length > network.positions:", "if False:",
        by_hand.test_words_have_as_many_tokens_as_there_are_positions,
    ),
    "2: a power of two": Part(
        statement, "if beta & (beta - 1):", "if False:", bad("beta not a power of two"),
    ),
    "2: the last position": Part(
        statement, "slice(-1, None) if self.first is None", "slice(0, None) if self.first is None",
        lambda folder: by_hand.test_other_positions("the last position", folder),
    ),
    "2: the claim": Part(
        check, 'require_same("statement.claim", statement.claim, claim)', "pass", bad("another claim"),
    ),
    "2: how many words are meant": Part(
        check, 'require_same("statement.expected.words", found.words, words)', "pass",
        bad("inconclusive, a word too many"),
    ),
    "2: how many positions": Part(
        check, 'require_same("statement.expected.positions", found.positions, sum(map(mul, numbers, asked)))', "pass",
        bad("inconclusive, a position too many"),
    ),
    "2: a SHA-256": Part(
        statement, 'if not re.fullmatch("[0-9a-f]{64}", sha256):', "if False:", bad("inconclusive, no SHA-256"),
    ),
    "3: the listing": Part(
        check, 'require_same("statement.expected.sha256", listed.sha256, digest.hexdigest())', "pass",
        bad("a listing with another output"),
    ),
    "3: something is not shown": Part(
        check, "if (outputs == UNKNOWN).any():", "if False:", overflow("of what nothing reads"),
    ),
    "3: margins that are shown": Part(
        check, "0 < stated <= margin", "0 < stated", bad("one that is slightly too large"),
    ),
    "3: margins above 0": Part(
        check, "0 < stated <= margin", "stated <= margin", bad("a margin 0"),
    ),
    "3: a margin of each length": Part(
        check, "if len(entries) != len(margins):", "if len(entries) > len(margins):", bad("a margin too few"),
    ),
    "3: refuted by a word of the language": Part(
        check, "if not automaton.accepts(tokens):", "if False:",
        bad("refuted, only a beginning"),
    ),
    "3: that is not too long": Part(
        check, "if not 0 < len(word) <= statement.length or", "if not 0 < len(word) or", bad("refuted, a long word"),
    ),
    "3: where something is asked": Part(
        check, "if position not in range(len(word))[statement.asked(len(word))]:", "if False:",
        bad("refuted not at the last position"),
    ),
    "3: by another output": Part(
        check, "if output == expected:", "if False:", bad("refuted, the expected output"),
    ),
    "3: which is as good": Part(
        check, "if not is_not_below(statement.arithmetic, network.outputs, vector, other, mine):", "if False:",
        bad("refuted, the output is right"),
    ),
    # what is said
    "3: strictly above": Part(
        outputs, "if least > 0 else (UNKNOWN", "if least >= 0 else (UNKNOWN", a_tie,
    ),
    "3: strictly nearer": Part(
        outputs, "if margins[best] > 0 else", "if margins[best] >= 0 else", a_tie,
    ),
    "3: from the number below": Part(
        outputs, "[low - middles[place - 1]]", "[high - middles[place - 1]]", between_ends,
    ),
    "3: from the number above": Part(
        outputs, "[middles[place] - high]", "[middles[place] - low]", between_ends,
    ),
    "3: from both": Part(
        outputs, "min(left + right)", "(left or right)[0]", between_ends,
    ),
    "3: above all others at least": Part(
        outputs, "rows[best], other, vector)[0] for", "rows[best], other, vector)[1] for", between_ends,
    ),
    "3: surely as good": Part(
        outputs, "rows[other], vector)[1] <= 0", "rows[other], vector)[0] <= 0", between_ends,
    ),
    "3: surely as near from above": Part(
        outputs, "return low >= middle if", "return high >= middle if", between_ends,
    ),
    "3: surely as near from below": Part(
        outputs, "else high <= middle", "else low <= middle", between_ends,
    ),
    # states
    "4: rows that differ": Part(
        states, "found * (int(small.max(initial=0)) + 1) + small, return_index", "found + small, return_index",
        lambda _: simulated.test_distinct_rows(),
    ),
    "4: padding is not seen": Part(
        walk, "State(vector, name not in self.network.unseen,", "State(vector, True,", seed(1),
    ),
    "4: a state is that of a position": Part(
        walk, "if (token, place) not in self", "place = 0\n        if (token, place) not in self", seed(2),
    ),
    "4: what neurons read": Part(
        network, "            *self.neurons,\n", "",
        read_later("neurons"),
    ),
    "4: what queries read": Part(
        network, "for row in (*head.query, *head.key, *head.value))", "for row in (*head.key, *head.value))",
        by_hand.test_a_later_layer_that_looks_for_the_token,
    ),
    "4: what keys read": Part(
        network, "for row in (*head.query, *head.key, *head.value))", "for row in (*head.query, *head.value))",
        by_hand.test_a_later_layer_that_looks_for_the_token,
    ),
    "4: what values read": Part(
        network, "for row in (*head.query, *head.key, *head.value))", "for row in (*head.query, *head.key))",
        read_later("values"),
    ),
    "4: what outputs read": Part(
        states, "else [*outputs.values()]", "else [*outputs.values()][1:]", seed(6),
    ),
    "4: what is added to may overflow": Part(
        states, "        read.update(coordinate for coordinate, _ in (*layer.attention, *layer.mlp))\n", "",
        overflow("of what nothing reads"),
    ),
    "4: a token that may overflow": Part(
        walk, "known[states].all(axis=1)", "known[states].any(axis=1)",
        overflow("of a token, in the first layer", "full"),
    ),
    "4: what is not known": Part(
        walk, "known[UNKNOWN] = False", "pass", overflow("of a token, in the first layer"),
    ),
    "4: a token that overflows at last": Part(
        walk, "                outputs[(states == UNKNOWN).any(axis=1)] = UNKNOWN\n", "",
        overflow("of a token about which nothing is asked"),
    ),
    "4: nothing is known of any word": Part(
        walk, "if not alive.any():", "if False:", overflow("of a token that is not seen"),
    ),
    "4: heads of which nothing is known": Part(
        walk, "            if UNKNOWN not in outputs:\n", "            if True:\n", seed(24),
    ),
    "4: the beginnings of words": Part(
        walk, "[states[level.parents] for states in before])", "[states[level.parents // 2] for states in before])",
        seed(3),
    ),
    # heads
    "4: tokens that heads do not see": Part(
        heads, "np.where(is_seen, of_state[seen, 1], -1)", "of_state[seen, 1]", seed(1),
    ),
    "4: together whatever was numbered": Part(
        heads, "order = np.argsort(pairs)", "order = np.arange(len(pairs))",
        shorter_words,
    ),
    "4: the least of what is far": Part(
        heads, "min(one.low for one in classes)", "max(one.low for one in classes)", seed(6),
    ),
    "4: the largest of what is far": Part(
        heads, "max(one.high for one in classes)", "min(one.high for one in classes)", seed(2),
    ),
    "4: the least value of what is far": Part(
        heads, "min(one.low for one in column)", "max(one.low for one in column)", values_together,
    ),
    "4: the largest value": Part(
        heads, "max(one.high for one in column)", "min(one.high for one in column)", values_together,
    ),
    "4: the largest magnitude": Part(
        heads, "max(one.size for one in column)", "min(one.size for one in column)", values_together,
    ),
    "4: the grain of all": Part(
        heads, "min(one.grain for one in column)", "max(one.grain for one in column)", values_together,
    ),
    "4: both ends of scores": Part(
        heads, "found.number(Class(*ends, self.sights.things[sight][1]))",
        "found.number(Class(ends[0], ends[0], self.sights.things[sight][1]))", seed(28),
    ),
    "4: values of equal scores": Part(
        heads, "found.number(Class(*ends, self.sights.things[sight][1]))", "found.number(Class(*ends, 0))", seed(1),
    ),
    "4: how many tokens": Part(
        heads, "base = place.shape[1] + 1", "base = place.shape[1]", lambda _: told_apart(3, 40),
    ),
    "4: powers that are too large": Part(
        heads, "62 // base.bit_length()", "99 // base.bit_length()", lambda _: told_apart(7, 25),
    ),
    "4: whose classes": Part(
        heads, "columns = [context]", "columns = [context * 0]", lambda _: told_apart(3, 40),
    ),
    "4: how many of a class": Part(
        heads, "[(n, one) for n, one in", "[(1, one) for n, one in", seed(3),
    ),
    "4: a score that may overflow": Part(
        heads, "if len(known) < len(classes):", "if not known:",
        lambda folder: by_hand.test_a_score_that_may_overflow("causal", folder),
    ),
    "4: x that overflows": Part(
        heads, f"            try:\n    {OF_GROUPS}", f"{OF_GROUPS}            try:\n",
        by_hand.test_scores_too_far_apart_for_the_accumulator,
    ),
    "4: the score of this query": Part(
        heads, "key = query, self.sights.things[sight][0]", "key = 0, self.sights.things[sight][0]", seed(2),
    ),
    "4: moved up": Part(
        heads, "-(-value.high >> unit) << unit", "value.high >> unit << unit", seed(2),
    ),
    "4: moved down": Part(
        heads, "(value.low >> unit << unit, -", "(-(-value.low >> unit) << unit, -", seed(2),
    ),
    # all words of a length at once
    "5: what causal tokens see": Part(
        sets, "Counter(before) if causal else together", "together if causal else together", at_once(29),
    ),
    "5: that others are others": Part(
        sets, "together - Counter([seen])", "together", at_once(2),
    ),
    "5: what a position may be": Part(
        sets, "{case + step for case in cases for step in steps}", "{case + max(steps) for case in cases}",
        of_all.test_padding_may_be_where_another_token_may_be,
    ),
    "5: a position that is not seen": Part(
        sets, "{0 if state == UNSEEN else weights[state] for state in states}",
        "{weights[state] for state in states if state != UNSEEN}",
        of_all.test_padding_may_be_where_another_token_may_be,
    ),
    "5: what hardmax gives": Part(
        sets, "output if output == hardmax_says(self.network, both.hard) else UNKNOWN", "output",
        of_all.test_softmax_says_something_else,
    ),
    "5: what hardmax selects": Part(
        sets, "if one.score == best]", "]", of_all.test_all_words_with_an_a,
    ),
    "5: the least margin": Part(
        sets, "yield OfLength(number, min(margins)", "yield OfLength(number, max(margins)",
        of_all.test_all_words_with_an_a,
    ),
    "5: the last position": Part(
        sets, "range(number)[-1:] if first is None", "range(number)[:1] if first is None",
        of_all.test_all_words_with_an_a,
    ),
    # norms, gates and rotary positions
    "4: whether later heads rotate": Part(
        states, "return any(head.rotary", "return not any(head.rotary", more.test_a_third_layer_that_rotates,
    ),
    "4: the position at first": Part(
        walk, "rotated = place if rotates_behind(self.network, 0) else 0", "rotated = 0", positions,
    ),
    "4: the position after a layer": Part(
        walk, "place = state.place if stage.rotates_behind else 0", "place = 0", more.test_a_third_layer_that_rotates,
    ),
    "4: the position that queries and keys have": Part(
        heads, "planes = self.planes(state.place)", "planes = self.planes(0)", positions,
    ),
    "4: norms read all": Part(
        states, "if network.norm is not None or any(", "if any(", reads_all("norm"),
    ),
    "4: norms of later layers, too": Part(
        states, "any(norm is not None for", "any(False for", reads_all("behind_heads"),
    ),
    "4: heads read through a norm": Part(
        heads, "vector=tuple(normed(arithmetic, layer.norms[0], state.vector))", "vector=state.vector",
        reads_all("heads"),
    ),
    "4: a norm of which nothing is known": Part(
        heads, "            found.append(None)\n", "            found.append(state)\n", more.test_a_root_of_nothing,
    ),
    "4: also where no head reads through it": Part(
        walk, "(read is not None for read in stage.read)", "(True for read in stage.read)", more.test_a_root_of_nothing,
    ),
    "4: outputs read through a norm": Part(
        walk, "read = normed(self.arithmetic, self.network.norm, state.vector)", "read = list(state.vector)",
        reads_all("norm"),
    ),
    "3: refuted through a norm": Part(
        check, "vector = tuple(normed(statement.arithmetic, network.norm, vectors[position]))",
        "vector = tuple(vectors[position])", more.test_refuted_through_a_norm,
    ),
    "2: where there is a hardmax transformer": Part(
        check, "if statement.expected == HARDMAX and not network.rational:", "if False:",
        lambda folder: more.test_what_hardmax_gives_where_there_is_none(more.ROOT, "inconclusive", folder),
    ),
    "3: norms with sums in fixed point": Part(
        check, "require_judged(statement.arithmetic, network)", "pass",
        more.test_norms_with_sums_in_fixed_point_are_not_judged,
    ),
    "5: positions at first": Part(
        sets, "rotated = place if rotates_behind(self.network, 0) else 0", "rotated = 0", positions,
    ),
    "5: positions after a layer": Part(
        sets, "place = both.place if self.rotates_behind else 0", "place = 0", more.test_a_third_layer_that_rotates,
    ),
    "5: of hardmax, too": Part(
        sets, "rows = dict(self.head.turned(self.soft.planes(both.place)))", "rows = dict(self.head.turned("
        "self.soft.planes(0)))", positions,
    ),
    "5: of softmax, too": Part(
        sets, "State(one.soft, one.seen, one.place)", "State(one.soft, one.seen, 0)", positions,
    ),
    "5: gates": Part(
        sets, "neurons = gates or own", "neurons = own", in_sets("relu of a gate of -3"),
    ),
    "5: times the neuron": Part(
        sets, "neurons = [a * b for a, b in zip(neurons, own, strict=True)]", "pass",
        in_sets("identity of a gate of -3, times 4"),
    ),
    "5: relu of gates": Part(
        sets, 'if layer.activation == "relu":', "if False:", in_sets("relu of a gate of -3"),
    ),
    "5: identity of gates": Part(
        sets, 'if layer.activation == "relu":', "if True:", in_sets("identity of a gate of -3, times 4"),
    ),
    "NETWORKS 8: hardmax numbers that grow": Part(
        sets, "for one in hard) > LONGEST_NUMBER:", "for one in hard) < 0:",
        more.test_hardmax_numbers_that_grow_are_not_judged,
    ),
    # NETWORKS 3
    "NETWORKS 3: other tokens of one group": Part(
        attention, "range(min(count, 2))", "range(1)", below_the_largest,
    ),
    "NETWORKS 3: at least": Part(
        attention, "least = max(one.low for one in", "least = max(one.high for one in", below_the_largest,
    ),
    "NETWORKS 3: at most": Part(
        attention, "others = highs[1:2] if high == highs[0] else highs[:1]", "others = highs[1:2]", below_the_largest,
    ),
    "NETWORKS 3: x is rounded": Part(
        attention, "if acc.p is not None:", "if False:", below_the_largest,
    ),
    "NETWORKS 3: c": Part(
        attention, "if head.scale != 1:", "if False:", scores_of(0),
    ),
    "NETWORKS 3: rnd_S(c d)": Part(
        attention, "return arithmetic.round(form, low, unit), arithmetic.round(form, high, unit)",
        "return low // scale.denominator, -(-high // scale.denominator)", scores_of(0),
    ),
    "NETWORKS 3: once": Part(
        attention, "arithmetic.rounded(model.score, arithmetic.sum(accumulator(model), terms))[:2]",
        "arithmetic.sum(accumulator(model), terms)", scores_of(1),
    ),
    "NETWORKS 3: sum_ACC": Part(
        attention, "arithmetic.sum(accumulator(model), terms))", "arithmetic.sum(model.score, terms))", scores_of(2),
    ),
    "NETWORKS 3: scores below 0 overflow": Part(
        attention, "max(-low, high) > arithmetic", "max(low, high) > arithmetic",
        lambda _: test_attention.test_scores_that_overflow(),
    ),
    "NETWORKS 3: scores above 0 overflow": Part(
        attention, "max(-low, high) > arithmetic", "-low > arithmetic",
        lambda _: test_attention.test_scores_that_overflow(),
    ),
    "NETWORKS 3: beta": Part(
        attention, "low, high = low << arithmetic.e, high << arithmetic.e", "low, high = low << arithmetic.e, high",
        lambda _: test_attention.test_scores_that_overflow(),
    ),
    "NETWORKS 3: neurons that are stored": Part(
        arithmetic, "own = [logit(arithmetic, row, vector) for row in layer.neurons]",
        "linear = arithmetic.model.steps.linear\n"
        "    own = [arithmetic.sum(linear, row_terms(arithmetic, row, vector)) for row in layer.neurons]",
        seed(45),
    ),
    "NETWORKS 3: sums that are stored": Part(
        arithmetic, "if not arithmetic.model.steps.stored:", "if True:", seed(22),
    ),
    "NETWORKS 3: what they are added to": Part(
        arithmetic, "arithmetic.numbers([x, what])", "arithmetic.numbers([what, what])", seed(6),
    ),
    "NETWORKS 3: logits that are stored": Part(
        arithmetic, "    if arithmetic.model.steps.stored:\n        return", "    if False:\n        return",
        lambda _: test_attention.test_differences_of_logits("+stored"),
    ),
    "NETWORKS 3: differences of what is stored": Part(
        one_word, "    if arithmetic.model.steps.stored:\n        mine", "    if False:\n        mine",
        lambda _: test_attention.test_differences_of_logits("+stored"),
    ),
    "NETWORKS 3: the other's other end": Part(
        one_word, "mine[0] - others[1], mine", "mine[0] - others[0], mine", seed(6),
    ),
    "NETWORKS 7: errors of both logits": Part(
        one_word, "for row in (expected, other))\n    extra", "for row in (expected,))\n    extra",
        lambda _: test_attention.test_differences_of_logits(""),
    ),
}
# fmt: on


@pytest.mark.parametrize("title", PARTS)
def test_each_part_is_needed(title: str, tmp_path: Path) -> None:
    part = PARTS[title]
    part.notices(tmp_path)
    with mutated(part.module, part.old, part.new), pytest.raises((Exception, pytest.fail.Exception)):
        part.notices(tmp_path)
