"""Is a bracket open? One head that takes the mean of all brackets so far, against a transducer that counts them.

    python examples/brackets.py

The transducer is part of the certificate, so whoever checks it sees what was expected, and runs no code of ours.
From the command line: exactformer verify brackets.json --spec brackets.yaml --words @brackets_language.yaml --length 20
"""

import tempfile
from pathlib import Path

import exactformer as ef

FOLDER = Path(__file__).parent
LENGTH = 20

# The mean of 1 for each ( and -1 for each ) is 0 if all are closed, and at least 1/LENGTH if one is open.
head = ef.HeadWeights(query=[[0, 0]], key=[[0, 0]], value=[[1, 0]], out=[[0], [1]])
network = ef.Transformer.build(
    ["(", ")"],
    embedding=[[1, 0], [-1, 0]],
    unembedding=None,
    layers=[ef.LayerWeights([head])],
    outputs=ef.largest_outputs(["open", "closed"], [[0, 1], [0, 0]], bias=[0, 1 / 64], width=2),
)

language = ef.load_automaton(FOLDER / "brackets_language.yaml")
expected = ef.load_transducer(FOLDER / "brackets.yaml")
certificate = ef.certify(network, ef.Words(language, LENGTH, expected), "bf16")
print(ef.report(certificate))
with tempfile.TemporaryDirectory() as folder:
    print(ef.report(ef.check(certificate.write(folder), network=network)))
