"""What every register of the chain-of-thought network holds, for any machine and any input: spec 2.4 as data.

Words:

* A *token class* is a kind of token that the construction treats alike: an input symbol, a run token, a bit.
* A *ghost* is a value that describes a token of a class and is nowhere in the network as such: its step, the cell its
  head stands on, the position of that cell's last write.  What ghosts there are, and what they are in a run, is
  :mod:`verify.annotation.ghosts`.
* The *content* of a register at a token is a code of a ghost, a constant, or something fetched from another token:
  :mod:`verify.annotation.content`.
* The *annotation* says the content of each register, for each class, behind each sublayer:
  :mod:`verify.annotation.cot`.

The annotation is a claim; here it is *observed* on runs, at every token, sublayer and coordinate (tests/annotation).
"""
