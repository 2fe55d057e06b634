"""The model: a decoder like GPT-NeoX, with full rotary embeddings, layers in parallel, and a KV cache."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

ROTARY_BASE = 10_000.0


@dataclass(frozen=True)
class Shape:
    """Layers, width of the residual stream, heads in each layer; the MLP is four times as wide."""

    layers: int
    width: int
    heads: int

    def __post_init__(self) -> None:
        if self.width % (2 * self.heads):
            raise ValueError(f"width {self.width} is no multiple of twice the {self.heads} heads, as rotary needs")


@dataclass(frozen=True)
class KeysAndValues:
    """What a layer has seen so far, of shape (batch, heads, tokens, head width) each."""

    keys: Tensor
    values: Tensor


class Rotary(nn.Module):
    """Rotates pairs of coordinates of queries and keys by an angle that grows with the position."""

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
    return (vectors * cosines + torch.cat((-second, first), dim=-1) * sines).to(vectors.dtype)


class Layer(nn.Module):
    """Attention and MLP read the same residual stream, each after its own LayerNorm, and both are added to it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.attention_norm = nn.LayerNorm(shape.width)
        self.mlp_norm = nn.LayerNorm(shape.width)
        self.queries_keys_values = nn.Linear(shape.width, 3 * shape.width)
        self.attention_out = nn.Linear(shape.width, shape.width)
        self.mlp_in = nn.Linear(shape.width, 4 * shape.width)
        self.mlp_out = nn.Linear(4 * shape.width, shape.width)

    def forward(
        self, x: Tensor, turn: tuple[Tensor, Tensor], seen: KeysAndValues | None, mask: Tensor | None
    ) -> tuple[Tensor, KeysAndValues]:
        batch, tokens, width = x.shape
        joined = self.queries_keys_values(self.attention_norm(x))
        queries, keys, values = joined.view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        queries, keys = rotate(queries, *turn), rotate(keys, *turn)
        if seen is not None:
            keys, values = torch.cat((seen.keys, keys), dim=2), torch.cat((seen.values, values), dim=2)
        mixed = scaled_dot_product_attention(queries, keys, values, attn_mask=mask, is_causal=mask is None)
        attended = self.attention_out(mixed.transpose(1, 2).reshape(batch, tokens, width))
        return x + attended + self.mlp_out(gelu(self.mlp_in(self.mlp_norm(x)))), KeysAndValues(keys, values)


class Decoder(nn.Module):
    """Logits of the next token at each position."""

    def __init__(self, shape: Shape, vocabulary_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, shape.width)
        self.rotary = Rotary(shape.width // shape.heads)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        self.unembedding = nn.Linear(shape.width, vocabulary_size, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, ids: Tensor) -> Tensor:
        """(batch, tokens) -> (batch, tokens, vocabulary); padding stands after the tokens, where it changes nothing."""
        logits, _ = self.continued(ids, torch.arange(ids.shape[1], device=ids.device).expand(ids.shape), None, None)
        return logits

    def continued(
        self, ids: Tensor, positions: Tensor, seen: list[KeysAndValues] | None, mask: Tensor | None
    ) -> tuple[Tensor, list[KeysAndValues]]:
        """Logits after tokens that were seen before, and what has been seen now.

        ``mask`` (batch, 1, tokens, tokens seen + tokens) says who sees whom; without it, each token sees those before.
        """
        x = self.embedding(ids)
        turn = self.rotary(positions)
        now = []
        for layer, before in zip(self.layers, seen or [None] * len(self.layers), strict=True):
            x, kept = layer(x, turn, before, mask)
            now.append(kept)
        return self.unembedding(self.norm(x)), now
