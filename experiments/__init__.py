"""Experiments with learned models, beside what is constructed and proved; the product imports none of this."""
