"""Reads Turing machines in other tools' formats, brings them into our form, and writes them (README.md above).

    text --registry--> a format's read --> TapeMachine --normal_form--> TuringMachine
                                               |
                                               +--a format's write--> text of another tool

Words: a *format* is one tool's way to write machines down; a *foreign* text or machine is one in such a form.  A
`TapeMachine` is what all formats describe, before anything is renamed or folded.  Its *normal form* is the one-way
machine that is compiled, run and certified.
"""

from typing import Final

OURS: Final = "exactformer"
TITLES: Final = {
    OURS: "our own format",
    "turingmachine.io": "the YAML of turingmachine.io",
    "morphett": "a program of Morphett's simulator",
    "jflap": "a file of JFLAP",
    "automata-lib": "a machine of automata-lib",
    "busy-beaver": "a busy beaver",
}
"""The formats that are read and written, by their names on the command line, and what a text of each is."""
