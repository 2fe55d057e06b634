"""Which letter is more frequent? One head that takes the mean of all letters: right on every word, in which formats?

    python examples/majority.py

First it is compared with a specification, on every word of odd length up to 13. Then, up to 101 letters: does softmax
in bf16 still say what exact means say? For 2^101 words that is decided for all at once.
"""

import tempfile

import exactformer as ef

head = ef.HeadWeights(query=[[0, 0]], key=[[0, 0]], value=[[1, 0]], out=[[0], [1]])
network = ef.Transformer.build(
    ["a", "b"], embedding=[[1, 0], [-1, 0]], unembedding=[[0, 1], [0, -1]], layers=[ef.LayerWeights([head])]
)
ODD = "[a b] ([a b] [a b])*"


def majority(word: tuple[str, ...]) -> str:
    """What should come after the last letter."""
    return max("ab", key=word.count)


for arithmetic in ("fp32", "bf16"):
    certificate = ef.certify(network, ef.Words(ODD, 13, majority, first=None), arithmetic)
    print(certificate.verdict.value, certificate.claim)
    for one in certificate.lengths:
        print(f"  {one.length} letters, {one.words} words: by a margin of {float(one.margin or 0):.3f}")
    with tempfile.TemporaryDirectory() as folder:
        print("  check:", ef.check(certificate.write(folder), network=network).verdict)

for length in (51, 101):
    certificate = ef.certify(network, ef.Words(ODD, length, "hardmax", first=None), "bf16")
    print(certificate.verdict.value, certificate.claim)
