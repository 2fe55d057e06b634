"""An induction head, for all sequences of up to 2^32 tokens: built, proved, written, checked.

    python examples/induction_head.py

At every symbol it says which symbol came next the last time that this one occurred, or NONE. No internals are used:
the theory is `constructions/ngram/ngram.theory`; `constructions/ngram/README.md` says how to write one of your own.
"""

from pathlib import Path

import exactformer as ef

CONTEXT = 2**32

network, theory = ef.ngram(letters="abc", n=1, context=CONTEXT)
print(f"{len(network.layers)} layers of width {network.width}")

certificate = ef.certify(network, theory, "rounded:fp32/bf16", context=CONTEXT)
print(certificate.verdict.value, certificate.claim, sep="\n")

path = certificate.write("out")
Path("out/ngram.theory").write_text(theory.text)
print(path)

valid = ef.check(path, theory=theory)
for fact in valid.proved:
    print("  proved:", fact)
for fact in valid.assumed:
    print("  assumed:", fact)
