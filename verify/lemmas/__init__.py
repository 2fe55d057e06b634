"""The lemma book: what the constructions rely on, in statements that can be decided again at any time.

Words, used throughout this package:

* A *lemma* is a statement about all inputs of a kind, at one *width* (bits of a position, r) or at none.
* A *finding* is what one query or one enumeration gave; the *outcome* of a lemma is drawn from its findings by
  :func:`verify.lemmas.outcome.conclude` and nothing else.
* A *claim* says what one gadget, with its concrete neurons, adds to the residual stream
  (:mod:`verify.lemmas.claim`); a *case* is a part of its inputs, and its cases together cover all inputs.

:mod:`verify.lemmas.book` lists all lemmas, and runs them.
"""
