"""The high-precision construction: quantise, map contextually, read off (Yun et al. 2020, arXiv 1912.10077).

Words, used throughout this package:

* A *column* is one token, d rationals; a *sequence* is n columns.
* The *grid* divides [0, extent) into cells of side delta; a grid column has a multiple of delta in each coordinate.
* The *label* of a column z is u^T z with u = (1, 1/delta, .., (1/delta)^(d-1)); on grid columns it is one-to-one.
* An *id* is the label of a column after the contextual mapping (Lemma 6): it tells the whole sequence and the column.
* A *layer* adds something to each column; attention layers look at all columns, token-wise layers at one.
"""
