"""A transformer with weights of its own: float32, not compiled by exactformer, with real softmax averages.

    python examples/own_weights.py

One head averages what it sees, and the MLP does nothing, so the token that was read most often comes first. The weights
are those of a hand-made counter plus noise, as if it had been trained: no score and no average is a round number. Each
claim is about the two sequences below and no others.
"""

import numpy as np

import exactformer as ef

rng = np.random.default_rng(0)
TOKENS = ["red", "green", "blue"]


def noisy(matrix: np.ndarray) -> np.ndarray:
    return (matrix + 0.01 * rng.standard_normal(matrix.shape)).astype(np.float32)


read, counts = np.eye(3, 6), np.eye(3, 6, 3)  # coordinates 0 to 2: the token; 3 to 5: how often each was read
head = ef.HeadWeights(query=noisy(counts), key=noisy(read), value=noisy(read), out=noisy(counts.T), name="average")
mlp = {"neurons": noisy(np.zeros((4, 6))), "out": noisy(np.zeros((6, 4)))}
network = ef.Transformer.build(TOKENS, noisy(read), noisy(counts), [ef.LayerWeights([head], **mlp)])

clear = ["red", "blue", "red", "green", "red"]
close = ["red"] * 25 + ["green"] * 24  # 25/49 has to be told from 24/49
given = ef.Given([(clear, {4: "red"}), (close, {48: "red"})])

for arithmetic in ("fused:fp32", "rounded:fp32/fp32", "fused:bf16", "rounded:bf16/bf16", "fused:e4m3fn/fp32/bf16"):
    certificate = ef.certify(network, given, arithmetic, name="counter")
    print(f"{arithmetic:22} {certificate.verdict.value:13} {certificate.refutation or ''}")
    path = certificate.write("out")
    ef.check(path, network=network)
print(certificate.claim, path, sep="\n")
