"""Certificates: the document, the commands that write and read it, and the checker that stands alone."""
