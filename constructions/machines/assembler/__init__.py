"""An assembler for Turing machines: structured programs over tapes, run as they are or assembled to transitions."""
