"""Networks of other tools, and decoders that were exported, as transformers of exact weights."""
