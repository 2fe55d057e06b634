"""The lemma book: what the constructions rest on, in statements that anyone can have decided again.

Words, used throughout this package:

* A *lemma* is a statement about all inputs of a kind, at one *width* (bits of a position, r) or at none.
* A *finding* is what one query or one enumeration gave; the *outcome* of a lemma is drawn from its findings by
  :func:`verify.lemmas.outcome.conclude` and nothing else.
* A *claim* is what one gadget, with its concrete neurons, is said to add to the residual stream
  (:mod:`verify.lemmas.claim`); a *case* is a part of its inputs, and all its cases together are all of them.

:mod:`verify.lemmas.book` lists all lemmas, and runs them.
"""
