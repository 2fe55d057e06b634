"""Experiments with learned models, to compare with what is constructed and proved; the product imports none of this."""
