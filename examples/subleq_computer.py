"""A SUBLEQ computer with words of 32 bits: a program runs on the network; then it is proved for all programs.

    python examples/subleq_computer.py

The theory is `constructions/subleq/subleq.theory`; `constructions/subleq/README.md` says how the network works.
"""

import exactformer as ef
from exactformer.constructions.subleq.programs import MULTIPLY
from exactformer.constructions.subleq.sequences import prompt, token_of, write_of
from exactformer.constructions.transformer.vocabulary import Token
from exactformer.verify.hardmax.decode import decode
from exactformer.verify.hardmax.prepared import PreparedNetwork

R = 32

network, theory = ef.subleq(context=2**R)
print(f"{len(network.layers)} layers of width {network.width}")

labels, memory = MULTIPLY.labels, dict[int, int]()
start = prompt(MULTIPLY.memory, {labels["x"]: 1234567, labels["y"]: 3}, R)
for token in decode(PreparedNetwork(network), [Token("START"), *(token_of(one, R) for one in start)]):
    if token.family == "HALT":
        break
    step = write_of(token, R)
    memory[step.address] = step.value
print(f"1234567 * 3 = {memory[labels['product']]}")

certificate = ef.certify(network, theory, "rounded:fp32/bf16", context=2**R)
print(certificate.verdict.value, certificate.claim, sep="\n")
path = certificate.write("out")
print(path, *ef.check(path, theory=theory).assumed, sep="\n  ")
