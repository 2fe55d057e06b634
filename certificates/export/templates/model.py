"""A decoder that exactformer exported; needs torch, safetensors, and config.json and model.safetensors beside it.

    python model.py 110+101 --attention eager    # the chain of thought on an input word, one token per line

config.json says which certificate these parameters are from, what it claims ("claimed"), and what it does not: its
claim is about an arithmetic model, not about the kernels that run here.

attention   sdpa      torch's scaled_dot_product_attention, whichever kernel it chooses
            eager     softmax in fp32, weights rounded to the dtype, times the values
            hf        the same, with scores stored in the dtype: as Hugging Face's eager attention
            quotient  exp(score - maximum) rounded to the dtype; numerator over denominator, both in fp32

A *summarized* chain of thought (paradigm scot) comes in segments.  If a segment ends with ESUMM, its last part is a
summary SUMM .. ESUMM, which alone is the prompt of the next segment.  ``run`` goes through all segments.
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


class Cache:
    """Keys and values of the first ``length`` tokens, for every layer: [batch, heads, room, head width]."""

    def __init__(self, room: int) -> None:
        self.room, self.length = room, 0
        self.layers: dict[int, tuple[Tensor, Tensor]] = {}

    def extend(self, layer: int, *new: Tensor) -> list[Tensor]:
        """Keys and values of a layer, new tokens included; raise ``length`` once all layers are done."""
        if layer not in self.layers:
            key, value = (part.new_empty(*part.shape[:2], self.room, part.shape[3]) for part in new)
            self.layers[layer] = key, value
        end = self.length + new[0].shape[2]
        for kept, part in zip(self.layers[layer], new, strict=True):
            kept[:, :, self.length : end] = part
        return [kept[:, :, :end] for kept in self.layers[layer]]


class Table:
    """A vocabulary with a row for each token; a token is the number of its row."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.number = {name: number for number, name in enumerate(names)}

    def read(self, name: str) -> Any:
        """The token of this name.  Raises KeyError if there is none."""
        return self.number[name]

    def name(self, token: Any) -> str:
        name: str = self.names[token]
        return name

    def best(self, logits: Tensor) -> Tensor:
        """[..]: the token with the largest of logits [.., rows]."""
        return logits.argmax(-1)


class Factored:
    """A vocabulary with a row for each part of a token: its family, and the value of each field of the family.

    Embedding and logit of a token are the sum of those of its parts.  A token lists the rows of its parts.  All lists
    have the same length: short ones are filled up with the last row, which is 0.
    """

    def __init__(self, families: list[dict[str, Any]]) -> None:
        self.families: dict[str, tuple[int, list[range]]] = {}
        self.values: list[str] = []
        for family in families:
            fields, row = [], len(self.values)
            self.values.append(family["name"])
            for values in family["fields"]:
                fields.append(range(len(self.values), len(self.values) + len(values)))
                self.values += values
            self.families[family["name"]] = row, fields
        self.length = 1 + max(len(fields) for _, fields in self.families.values())

    def read(self, name: str) -> Any:
        """The token of this name.  Raises KeyError or ValueError if there is none."""
        family, _, values = name.removesuffix(")").partition("(")
        row, fields = self.families[family]
        named = zip(fields, values.split(), strict=True)
        rows = [row, *(rows[self.values[rows.start : rows.stop].index(value)] for rows, value in named)]
        return rows + [len(self.values)] * (self.length - len(rows))

    def name(self, token: Any) -> str:
        family, *values = (self.values[row] for row in token if row < len(self.values))
        return f"{family}({' '.join(values)})" if values else family

    def best(self, logits: Tensor) -> Tensor:
        """[.., parts]: a family's best token has the best value of each field; of these, the one of the largest sum."""
        scores, tokens = [], []
        for row, fields in self.families.values():
            found = [logits[..., rows.start : rows.stop].float().max(-1) for rows in fields]
            scores.append(logits[..., row].float() + sum(field.values for field in found))
            parts = [torch.full_like(logits[..., 0], row, dtype=torch.long)]
            parts += [field.indices + rows.start for field, rows in zip(found, fields, strict=True)]
            parts += [torch.full_like(parts[0], len(self.values))] * (self.length - len(parts))
            tokens.append(torch.stack(parts, -1))
        which = torch.stack(scores, -1).argmax(-1)
        chosen = torch.stack(tokens, -2)
        return chosen.take_along_dim(which[..., None, None], -2).squeeze(-2)


def attend(kind: str, query: Tensor, key: Tensor, value: Tensor, causal: bool) -> Tensor:
    """[batch, heads, tokens, head width]; ``causal``: there are as many queries as keys; else all keys are visible."""
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

    def forward(self, x: Tensor, number: int, cache: Cache | None, attention: str, trace: list[Tensor] | None) -> Any:
        """x [batch, tokens, width] after this layer, the one with this ``number``."""
        query, key, value = (
            project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        if cache is not None:
            key, value = cache.extend(number, key, value)
        attended = attend(attention, query, key, value, causal=query.shape[2] == key.shape[2])
        x = x + self.o_proj(attended.transpose(1, 2).flatten(2))
        after = x + self.down(functional.relu(self.up(x)))
        if trace is not None:
            trace += [x, after]
        return after


class Decoder(nn.Module):
    """``trace``, a list, receives the residual stream after every sublayer."""

    def __init__(self, config: dict[str, Any], attention: str = "sdpa") -> None:
        super().__init__()
        self.config, self.attention, shape = config, attention, config["shape"]
        families = config.get("families")
        self.vocabulary = Table(config["tokens"]) if families is None else Factored(families)
        self.embed_tokens = nn.Embedding(shape["vocabulary"], shape["width"])
        self.embed_positions = nn.Embedding(shape["context"], shape["width"])
        sizes = zip(shape["heads"], shape["hidden"], strict=True)
        self.layers = nn.ModuleList(
            Layer(shape["width"], heads, shape["head_width"], hidden) for heads, hidden in sizes
        )
        self.lm_head = nn.Linear(shape["width"], shape["vocabulary"], bias=False)

    @classmethod
    def load(cls, folder: Path, attention: str = "sdpa") -> Decoder:
        """The decoder whose files are in a folder, in their dtype."""
        with torch.device("meta"):
            decoder = cls(json.loads((folder / "config.json").read_text()), attention)
        decoder.load_state_dict(load_file(folder / "model.safetensors"), assign=True)
        return decoder.eval().requires_grad_(False)

    def forward(self, tokens: Tensor, cache: Cache | None = None, trace: list[Tensor] | None = None) -> Tensor:
        """Logits [batch, n, vocabulary] of tokens [batch, n] or, factored, [batch, n, parts]; with a cache that is not
        empty, n = 1.
        """
        past = 0 if cache is None else cache.length
        if past and tokens.shape[1] != 1:
            raise ValueError("with a cache that is not empty, give one token at a time")
        if past + tokens.shape[1] > self.embed_positions.num_embeddings:
            raise ValueError(f"the context is {self.embed_positions.num_embeddings} tokens")
        positions = torch.arange(past, past + tokens.shape[1], device=tokens.device)
        x = self.embed_tokens(tokens)
        if isinstance(self.vocabulary, Factored):
            x = x.sum(2)
        x = x + self.embed_positions(positions)
        for number, layer in enumerate(self.layers):
            x = layer(x, number, cache, self.attention, trace)
        if cache is not None:
            cache.length += tokens.shape[1]
        logits: Tensor = self.lm_head(x)
        return logits

    def prompt(self, word: str) -> list[Any]:
        """The tokens of an input word."""
        tokens = []
        for name in ("INP", *(f"SIGMA({symbol})" for symbol in word), "EINP"):
            try:
                tokens.append(self.vocabulary.read(name))
            except (KeyError, ValueError):
                raise ValueError(f"there is no token {name}: give a word over the machine's input alphabet") from None
        return tokens

    def generate(self, prompt: list[Any]) -> list[Any]:
        """The prompt and its greedy continuation, with a cache, up to EOUTP, ESUMM or the end of the context."""
        return self.generate_each([prompt])[0]

    @torch.no_grad()
    def generate_each(self, prompts: list[list[Any]]) -> list[list[Any]]:
        """The same for prompts of one length, side by side."""
        tokens = torch.tensor(prompts, device=self.lm_head.weight.device)
        context, unread = self.embed_positions.num_embeddings, tokens
        cache, left, written = Cache(context), set(range(len(prompts))), [list(one) for one in prompts]
        for _ in range(tokens.shape[1], context):
            unread = self.vocabulary.best(self(unread, cache)[:, -1:])
            for number, (token,) in zip(sorted(left), unread[sorted(left)].tolist(), strict=True):
                written[number].append(token)
                if self.vocabulary.name(token) in ("EOUTP", "ESUMM"):
                    left.remove(number)
            if not left:
                break
        return written

    def run(self, word: str) -> list[list[Any]]:
        """All segments on an input word; with a plain chain of thought, one."""
        segments, name = [self.generate(self.prompt(word))], self.vocabulary.name
        while name(segments[-1][-1]) == "ESUMM":
            last = segments[-1]
            opens = max(place for place, token in enumerate(last) if name(token) == "SUMM")
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
        print(*(decoder.vocabulary.name(token) for token in segment), sep="\n", end="\n\n")
