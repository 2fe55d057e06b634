"""A SUBLEQ computer with words of 32 bits: a program runs on the network; then it is proved for all programs.

    python examples/subleq_computer.py

The theory is `constructions/subleq/subleq.theory`; `constructions/subleq/README.md` says how the network works.
"""

import exactformer as ef
from exactformer.constructions.subleq.programs import MULTIPLY
from exactformer.constructions.subleq.sequences import prompt, run, token_of
from exactformer.constructions.transformer.vocabulary import Token
from exactformer.verify.hardmax.decode import decode
from exactformer.verify.hardmax.prepared import PreparedNetwork

R = 32

network, theory = ef.subleq(context=2**R)
print(f"{len(network.layers)} layers of width {network.width}")

x, y, product = (MULTIPLY.labels[name] for name in ("x", "y", "product"))
start = prompt(MULTIPLY.memory, {x: 1234567, y: 3}, R)
steps = list(run(start, R))
generated = decode(PreparedNetwork(network), [Token("START"), *(token_of(one, R) for one in start)])
assert [next(generated) for _ in steps] == [token_of(one, R) for one in steps] and next(generated) == Token("HALT")
print(f"{len(steps)} steps; 1234567 * 3 = {[one.value for one in steps if one.address == product][-1]}")

certificate = ef.certify(network, theory, "rounded:fp32/bf16", context=2**R)
print(certificate.verdict.value, certificate.claim, sep="\n")
path = certificate.write("out")
print(path, *ef.check(path, theory=theory).assumed, sep="\n  ")
