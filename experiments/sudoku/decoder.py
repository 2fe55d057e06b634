"""The model: a decoder like GPT-NeoX, with full rotary embeddings, layers in parallel, and a KV cache."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

ROTARY_BASE = 10_000.0
HIDDEN = -1e4
"""Added to the score of a token that is not to be seen: its weight is exactly 0 in fp32 and in bf16."""


@dataclass(frozen=True)
class Shape:
    """Layers, width of the residual stream, heads in each layer; the MLP is four times as wide."""

    layers: int
    width: int
    heads: int


class Cache:
    """Keys and values of the tokens seen so far, layer by layer, in buffers that are doubled when they are full."""

    def __init__(self) -> None:
        self._buffers: list[Tensor] = []  # one for each layer, of shape (2, batch, heads, room, head width)
        self._length = 0

    def extended(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """All keys and values of a layer, (batch, heads, tokens, head width) each, with those of new tokens.

        The last layer of the model has to be told `advance`.
        """
        new = torch.stack((keys, values))
        end = self._length + new.shape[3]
        if layer == len(self._buffers):
            self._buffers.append(new.new_empty((*new.shape[:3], 0, new.shape[4])))
        if end > self._buffers[layer].shape[3]:
            larger = new.new_empty((*new.shape[:3], 2 * end, new.shape[4]))
            larger[:, :, :, : self._length] = self._buffers[layer][:, :, :, : self._length]
            self._buffers[layer] = larger
        self._buffers[layer][:, :, :, self._length : end] = new
        keys, values = self._buffers[layer][:, :, :, :end]
        return keys, values

    def advance(self, tokens: int) -> None:
        """All layers have been extended by this many tokens."""
        self._length += tokens

    def keep(self, rows: Tensor) -> None:
        """Only these rows of the batch, in this order."""
        self._buffers = [buffer[:, rows] for buffer in self._buffers]


class Rotary(nn.Module):
    """Rotates pairs of coordinates of queries and keys by an angle that grows with the position."""

    frequencies: Tensor

    def __init__(self, head_width: int) -> None:
        super().__init__()
        exponents = torch.arange(0, head_width, 2, dtype=torch.float32) / head_width
        self.register_buffer("frequencies", ROTARY_BASE**-exponents, persistent=False)

    def forward(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, tokens) -> cosines and sines of shape (batch, 1, tokens, head width), the same for all layers."""
        angles = (positions[:, None, :, None] * self.frequencies).repeat(1, 1, 1, 2)
        return angles.cos(), angles.sin()


def rotate(vectors: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """The first half of a head's coordinates are paired with its second half."""
    first, second = vectors.chunk(2, dim=-1)
    return vectors * cosines.to(vectors.dtype) + torch.cat((-second, first), dim=-1) * sines.to(vectors.dtype)


def attend(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, fused: bool) -> Tensor:
    """What attention mixes for each query; without a mask, each token sees itself and those before it.

    Fused, long sequences fit into the memory of a GPU.  Written out, bf16 on a CPU trains twice as fast.
    """
    if fused:
        added = None if mask is None else mask.to(queries.dtype)
        return scaled_dot_product_attention(queries, keys, values, added, is_causal=mask is None)
    scores = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(-1, -2)
    if mask is None:
        mask = torch.full(scores.shape[-2:], HIDDEN, device=scores.device).triu(1)
    scores = scores + mask.to(queries.dtype)
    mixed: Tensor = scores.softmax(dim=-1).to(values.dtype) @ values
    return mixed


class Layer(nn.Module):
    """Attention and MLP read the same residual stream, each after its own LayerNorm, and both are added to it."""

    def __init__(self, shape: Shape, number: int) -> None:
        super().__init__()
        self.number = number
        self.heads = shape.heads
        self.attention_norm = nn.LayerNorm(shape.width)
        self.mlp_norm = nn.LayerNorm(shape.width)
        self.queries_keys_values = nn.Linear(shape.width, 3 * shape.width)
        self.attention_out = nn.Linear(shape.width, shape.width)
        self.mlp_in = nn.Linear(shape.width, 4 * shape.width)
        self.mlp_out = nn.Linear(4 * shape.width, shape.width)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], mask: Tensor | None, cache: Cache | None) -> Tensor:
        batch, tokens, width = x.shape
        joined = self.queries_keys_values(self.attention_norm(x))
        queries, keys, values = joined.view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        queries, keys = rotate(queries, *turn), rotate(keys, *turn)
        if cache is not None:
            keys, values = cache.extended(self.number, keys, values)
        mixed = attend(queries, keys, values, mask, fused=x.is_cuda)
        attended = self.attention_out(mixed.transpose(1, 2).reshape(batch, tokens, width))
        changed: Tensor = x + attended + self.mlp_out(gelu(self.mlp_in(self.mlp_norm(x))))
        return changed


class Decoder(nn.Module):
    """Logits of the next token at each position."""

    def __init__(self, shape: Shape, vocabulary_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, shape.width)
        self.rotary = Rotary(shape.width // shape.heads)
        self.layers = nn.ModuleList(Layer(shape, number) for number in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        self.unembedding = nn.Linear(shape.width, vocabulary_size, bias=False)
        # The "small init" of GPT-NeoX.  With 0.02 instead, models of width 128 took about three times
        # as many tokens to the same loss.
        deviation = (2 / (5 * shape.width)) ** 0.5
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=deviation)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, ids: Tensor) -> Tensor:
        """(batch, tokens) -> (batch, tokens, vocabulary); padding stands after the tokens, where it changes nothing."""
        return self.continued(ids, torch.arange(ids.shape[1], device=ids.device).expand(ids.shape), None, None)

    def continued(self, ids: Tensor, positions: Tensor, mask: Tensor | None, cache: Cache | None) -> Tensor:
        """Logits for tokens that follow those in ``cache``, which gets these, too.

        ``mask`` is 0 where a token (row) may see another (column; those seen before come first), HIDDEN elsewhere;
        None, without a cache, is for each token to see itself and those before it.
        """
        x = self.embedding(ids)
        turn = self.rotary(positions)
        for layer in self.layers:
            x = layer(x, turn, mask, cache)
        if cache is not None:
            cache.advance(ids.shape[1])
        logits: Tensor = self.unembedding(self.norm(x))
        return logits
