from automata.tm.dtm import DTM

# Leaves the tape on the left: the answer is written in front of the word.
parity = DTM(
    states={"even", "odd", "say even", "say odd", "yes", "no"},
    input_symbols={"a", "b"},
    tape_symbols={"a", "b", "E", "O", "_"},
    transitions={
        "even": {"a": ("odd", "a", "R"), "b": ("even", "b", "R"), "_": ("say even", "_", "L")},
        "odd": {"a": ("even", "a", "R"), "b": ("odd", "b", "R"), "_": ("say odd", "_", "L")},
        "say even": {"a": ("say even", "a", "L"), "b": ("say even", "b", "L"), "_": ("yes", "E", "N")},
        "say odd": {"a": ("say odd", "a", "L"), "b": ("say odd", "b", "L"), "_": ("no", "O", "N")},
    },
    initial_state="even",
    blank_symbol="_",
    final_states={"yes", "no"},
)
