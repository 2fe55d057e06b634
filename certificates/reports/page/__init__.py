"""A certificate as one page of HTML, in pieces: what it claims, what that rests on, and pictures of its evidence.

A page is made from a certificate and the network beside it.  It checks neither: what is computed here is for people to
look at, and every page says whether the checker was asked.
"""
