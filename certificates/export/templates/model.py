"""A decoder that exactformer exported; needs torch, safetensors, and config.json and model.safetensors beside it.

    python model.py 110+101 --attention eager    # the chain of thought on an input word, one token per line

config.json says which certificate these parameters are from, what it claims ("claimed"), and what it does not: its
claim is about an arithmetic model, not about the kernels that run here.

attention   sdpa      torch's scaled_dot_product_attention, whichever kernel it chooses
            eager     softmax in fp32, weights rounded to the dtype, times the values
            hf        the same, with scores stored in the dtype: as Hugging Face's eager attention
            quotient  exp(score - maximum) rounded to the dtype; numerator over denominator, both in fp32

A *summarized* chain of thought (paradigm scot) comes in segments: one that ends with ESUMM closes with a summary
SUMM .. ESUMM, which alone is the prompt of the next segment.  ``run`` goes through all of them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

Cache = list[tuple[Tensor, Tensor]]
"""Per layer, keys and values of the tokens so far: [batch, heads, tokens, head width].  Empty before the first."""


def attend(kind: str, query: Tensor, key: Tensor, value: Tensor, causal: bool) -> Tensor:
    """[batch, heads, tokens, head width]; ``causal``: as many queries as keys, else all keys are visible."""
    if kind == "sdpa":
        return functional.scaled_dot_product_attention(query, key, value, is_causal=causal)
    if kind != "hf":
        query, key = query.float(), key.float()
    scores = (query @ key.mT * query.shape[-1] ** -0.5).float()
    if causal:
        hidden = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(hidden, -torch.inf)
    if kind in ("eager", "hf"):
        return torch.softmax(scores, -1).to(value.dtype) @ value
    weights = torch.exp(scores - scores.amax(-1, keepdim=True)).to(value.dtype).float()
    return (weights @ value.float() / weights.sum(-1, keepdim=True)).to(value.dtype)


class Layer(nn.Module):
    """Attention, then an MLP with relu, each added to the residual stream; no norms."""

    def __init__(self, width: int, heads: int, head_width: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, heads * head_width, bias=False)
        self.k_proj = nn.Linear(width, heads * head_width, bias=False)
        self.v_proj = nn.Linear(width, heads * head_width, bias=False)
        self.o_proj = nn.Linear(heads * head_width, width, bias=False)
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None, attention: str, trace: list[Tensor] | None) -> Any:
        """x [batch, tokens, width] behind this layer, and its keys and values including past ones."""
        query, key, value = (
            project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        if past is not None:
            key, value = torch.cat([past[0], key], 2), torch.cat([past[1], value], 2)
        attended = attend(attention, query, key, value, causal=past is None)
        x = x + self.o_proj(attended.transpose(1, 2).flatten(2))
        after = x + self.down(functional.relu(self.up(x)))
        if trace is not None:
            trace += [x, after]
        return after, (key, value)


class Decoder(nn.Module):
    """``trace``, a list, receives the residual stream behind every sublayer."""

    def __init__(self, config: dict[str, Any], attention: str = "sdpa") -> None:
        super().__init__()
        self.config, self.attention, shape = config, attention, config["shape"]
        self.tokens: list[str] = config["tokens"]
        self.embed_tokens = nn.Embedding(shape["vocabulary"], shape["width"])
        self.embed_positions = nn.Embedding(shape["context"], shape["width"])
        sizes = (shape["width"], shape["heads"], shape["head_width"], shape["hidden"])
        self.layers = nn.ModuleList(Layer(*sizes) for _ in range(shape["layers"]))
        self.lm_head = nn.Linear(shape["width"], shape["vocabulary"], bias=False)

    @classmethod
    def load(cls, folder: Path, attention: str = "sdpa") -> Decoder:
        """The decoder whose files are in a folder, in the dtype they have."""
        with torch.device("meta"):
            decoder = cls(json.loads((folder / "config.json").read_text()), attention)
        decoder.load_state_dict(load_file(folder / "model.safetensors"), assign=True)
        return decoder.eval().requires_grad_(False)

    def forward(self, tokens: Tensor, cache: Cache | None = None, trace: list[Tensor] | None = None) -> Tensor:
        """Logits [batch, n, vocabulary] of tokens [batch, n]; with a cache that is not empty, n = 1."""
        cache = [] if cache is None else cache
        past = cache[0][0].shape[2] if cache else 0
        if past and tokens.shape[1] != 1:
            raise ValueError("with a cache that is not empty, give one token at a time")
        if past + tokens.shape[1] > self.embed_positions.num_embeddings:
            raise ValueError(f"the context is {self.embed_positions.num_embeddings} tokens")
        positions = torch.arange(past, past + tokens.shape[1], device=tokens.device)
        x = self.embed_tokens(tokens) + self.embed_positions(positions)
        for number, layer in enumerate(self.layers):
            x, kept = layer(x, cache[number] if past else None, self.attention, trace)
            cache[number : number + 1] = [kept]
        logits: Tensor = self.lm_head(x)
        return logits

    def prompt(self, word: str) -> list[int]:
        """The tokens of an input word."""
        names = ["INP", *(f"SIGMA({symbol})" for symbol in word), "EINP"]
        if unknown := [name for name in names if name not in self.tokens]:
            raise ValueError(f"there is no token {unknown[0]}: give a word over the machine's input alphabet")
        return [self.tokens.index(name) for name in names]

    @torch.no_grad()
    def generate(self, prompt: list[int]) -> list[int]:
        """The prompt and what follows, greedily and with a cache, up to EOUTP, ESUMM or the end of the context."""
        tokens, cache = list(prompt), Cache()
        unread = tokens
        while len(tokens) < self.embed_positions.num_embeddings:
            logits = self(torch.tensor([unread], device=self.lm_head.weight.device), cache)[0, -1]
            unread = [int(logits.argmax())]
            tokens += unread
            if self.tokens[unread[0]] in ("EOUTP", "ESUMM"):
                break
        return tokens

    def run(self, word: str) -> list[list[int]]:
        """All segments on an input word; with a plain chain of thought, one."""
        segments = [self.generate(self.prompt(word))]
        while self.tokens[segments[-1][-1]] == "ESUMM":
            last = segments[-1]
            opens = max(place for place, token in enumerate(last) if self.tokens[token] == "SUMM")
            segments.append(self.generate(last[opens:]))
        return segments


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("word")
    parser.add_argument("--attention", choices=("sdpa", "eager", "hf", "quotient"), default="sdpa")
    arguments = parser.parse_args()
    decoder = Decoder.load(Path(__file__).parent, arguments.attention)
    try:
        segments = decoder.run(arguments.word)
    except ValueError as error:
        parser.error(str(error))
    for segment in segments:
        print(*(decoder.tokens[token] for token in segment), sep="\n", end="\n\n")
