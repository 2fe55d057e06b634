"""The grammar of contents and of conditions (SPEC 11.2, 18.1): how their text is read."""

from __future__ import annotations

import re

from exactformer.certificates.checker.document import Rejected, TooLarge, quote
from exactformer.certificates.checker.universal.contents import (
    ZERO,
    Bit,
    BitOfBlock,
    Choice,
    Code,
    Condition,
    Constant,
    Content,
    Fetched,
    Flag,
    Is,
    Number,
    SameBits,
    Sizes,
    Step,
    number,
)

_D = r"(?:0|[1-9][0-9]{0,5})"
_NUMBER = (
    rf"max\(i - (?P<back>[1-9][0-9]{{0,5}}), 0\)|i - \((?P<less>[oui]) mod 2\^(?P<below>{_D})\)|"
    + r"(?P<plain>blank|i|q'|q|s|o|e|u)|"
    + (r"(?P<kind>a'|[acxwgy])_(?P<tape>[1-9][0-9]{0,5})")
)
_LEAF = re.compile(
    rf"(?P<constant>[01])|enc\((?:{_NUMBER})\)(?:\[(?:(?P<low>{_D})\.\.|(?P<place>{_D})|(?P<beta>beta)|"
    r"(?P<next>beta \+ 1))\])?|enc\((?P<here>here_[1-9][0-9]{0,5})\)|"
    r"enc_move\((?P<move>m'?)_(?P<mover>[1-9][0-9]{0,5})\)|"
    r"(?P<register>[A-Za-z_][A-Za-z_0-9]*) of max\(i - (?P<ago>[1-9][0-9]{0,5}), 0\) before layer "
    r"(?P<layer>[1-9][0-9]{0,5})",
    re.ASCII,
)
_CONDITION = re.compile(
    rf"(?P<step>tau|beta) (?P<relation><=|=) (?P<bound>{_D})|"
    r"(?P<flag>halted|summary|(?:written|here|h)_[1-9][0-9]{0,5}) = (?P<flagged>[01])|"
    rf"w_(?P<w>[1-9][0-9]{{0,5}})\[(?P<place>{_D})\] = (?P<bit>[01])|g_(?P<g>[1-9][0-9]{{0,5}}) = 0|has_entry = 1|"
    rf"cap = (?P<cap>[012])|(?P<one>[ie])\[(?P<first>{_D})\] = (?P<other>[ie])\[(?P<second>{_D})\]",
    re.ASCII,
)
LONGEST_CONTENT = 2**10
"""Characters: so there are few conditions, and few inside each other."""


def read_number(text: str, sizes: Sizes) -> Number | None:
    """The NUMBER of the grammar, or None."""
    found = re.fullmatch(_NUMBER, text, re.ASCII)
    return _number(found, sizes) if found else None


def _number(found: re.Match[str], sizes: Sizes) -> Number:
    if found["back"]:
        return number("back", int(found["back"]), sizes)
    if found["below"]:
        return number(f"i - {found['less']}", int(found["below"]), sizes)
    return number(found["plain"] or found["kind"], int(found["tape"] or 0), sizes)


def read_condition(text: str, sizes: Sizes) -> tuple[Condition, bool] | None:
    """A CONDITION of the grammar as a condition and the truth it asks for; or None."""
    found = _CONDITION.fullmatch(text)
    if found is None:
        return None
    if found["step"]:
        return Step(found["step"], found["relation"], int(found["bound"])), True
    if found["flag"]:
        return Flag(found["flag"]), found["flagged"] == "1"
    if found["w"]:
        return Bit(number("w", int(found["w"]), sizes), int(found["place"])), found["bit"] == "1"
    if found["g"]:
        return Is(number("g", int(found["g"]), sizes), 0), True
    if found["cap"]:
        return Is(number("cap", 0, sizes), int(found["cap"])), True
    if found["one"]:
        one, other = (number(found[side], 0, sizes) for side in ("one", "other"))
        return SameBits(Bit(one, int(found["first"])), Bit(other, int(found["second"]))), True
    return Flag("has_entry"), True


def read_content(field: str, text: str, sizes: Sizes) -> Content:
    """The content that ``text`` says (SPEC 11.2)."""
    if len(text) > LONGEST_CONTENT:
        raise TooLarge(f"{field} has {len(text)} characters; this checker reads contents of {LONGEST_CONTENT}")
    content, end = _content(field, text, 0, sizes)
    if end != len(text):
        raise Rejected(field, f"{quote(text)} goes on behind a content at character {end}")
    return content


def _content(field: str, text: str, at: int, sizes: Sizes) -> tuple[Content, int]:
    """The content that begins at ``at``, and where it ends."""
    if not text.startswith("(", at):
        found = _LEAF.match(text, at)
        if found is None:
            raise Rejected(field, f"{quote(text)} is no content at character {at}")
        return _leaf(found, sizes), found.end()
    then, at = _content(field, text, at + 1, sizes)
    end = text.find(" else ", at)
    read = read_condition(text[at + 4 : end], sizes) if text.startswith(" if ", at) and end >= 0 else None
    if read is None:
        raise Rejected(field, f"{quote(text)} has no condition at character {at}")
    other, at = _content(field, text, end + 6, sizes)
    if not text.startswith(")", at):
        raise Rejected(field, f"{quote(text)} has no closing bracket at character {at}")
    condition, truth = read
    return (Choice(condition, then, other) if truth else Choice(condition, other, then)), at + 1


def _leaf(found: re.Match[str], sizes: Sizes) -> Content:
    if found["constant"]:
        return Constant(int(found["constant"]))
    if found["move"]:
        return Code(number(found["move"], int(found["mover"]), sizes), 0)
    if found["register"]:
        return Fetched(found["register"], int(found["ago"]), int(found["layer"]))
    if found["here"]:
        return Choice(Flag(found["here"]), Constant(1), Bit(ZERO, 0))
    what = _number(found, sizes)
    if found["place"]:
        return Bit(what, int(found["place"]))
    if found["beta"] or found["next"]:
        return BitOfBlock(what, int(found["next"] is not None))
    return Code(what, int(found["low"] or 0))
