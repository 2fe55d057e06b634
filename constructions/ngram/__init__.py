"""Induction head and n-gram look-up: what followed the last n symbols when they last occurred together."""
