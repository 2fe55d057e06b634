"""Certificates: their documents, the commands that write and read them, and the checker, which stands alone."""
