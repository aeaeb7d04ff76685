"""LSTM language models with the dropouts of Merity et al. (2017)."""

from __future__ import annotations

import itertools
from typing import NamedTuple

from torch import Tensor, nn
from torch.func import functional_call

Hidden = list[tuple[Tensor, Tensor]]


class Output(NamedTuple):
    """Scores (time, batch, words), the state after the window, and the last layer (time, batch, units).

    ``dropped`` is that layer behind its dropout, ``raw`` ahead of it: the penalties of Merity et al. use both.
    """

    scores: Tensor
    hidden: Hidden
    raw: Tensor
    dropped: Tensor


class LSTMLanguageModel(nn.Module):
    """Embedding, LSTM layers, and the next word's scores with the embedding's own weights.

    "AdaMomentum", appendix D.2: embedding 400, hidden 1150, dropout 0.25 between the layers and 0.4 on the input, after
    Merity et al., whose last layer has the size of the embedding so that input and output weights are one matrix.

    Parameters
    ----------
    words : int
    embedding, hidden, layers : int
        A single layer has the size of the embedding when weights are tied.
    dropout, dropout_input, dropout_output, dropout_words : float
        Between layers, after the embedding, ahead of the scores, and of whole words. The first three are locked: one
        mask for all positions of a window.
    weight_drop : float
        Of the recurrent weights, one mask per window.
    tied : bool
        Untied, all layers have the hidden size.
    """

    def __init__(
        self,
        words: int,
        embedding: int = 400,
        hidden: int = 1150,
        layers: int = 3,
        dropout: float = 0.25,
        dropout_input: float = 0.4,
        dropout_output: float = 0.4,
        dropout_words: float = 0.1,
        weight_drop: float = 0.5,
        tied: bool = True,
    ) -> None:
        super().__init__()
        if layers < 1:
            raise ValueError(f"layers must be at least 1, got {layers}")
        self.dropout, self.dropout_input, self.dropout_output = dropout, dropout_input, dropout_output
        self.dropout_words, self.weight_drop = dropout_words, weight_drop
        sizes = [embedding, *(hidden,) * (layers - 1), embedding if tied else hidden]
        self.embedding = nn.Embedding(words, embedding)
        self.lstms = nn.ModuleList(nn.LSTM(a, b) for a, b in itertools.pairwise(sizes))
        self.decoder = nn.Linear(sizes[-1], words)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        nn.init.uniform_(self.decoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)
        if tied:
            self.decoder.weight = self.embedding.weight

    def forward(self, words: Tensor, hidden: Hidden | None = None) -> Output:
        """Scores of the words that follow ``words`` (time, batch), from the state ``hidden``."""
        x = self._locked(self._embed(words), self.dropout_input)
        after: Hidden = []
        raw = x
        for i, lstm in enumerate(self.lstms):
            raw, state = self._run(lstm, x, None if hidden is None else hidden[i])
            after.append(state)
            x = self._locked(raw, self.dropout_output if i == len(self.lstms) - 1 else self.dropout)
        return Output(self.decoder(x), after, raw, x)

    def _embed(self, words: Tensor) -> Tensor:
        if not self.training or self.dropout_words == 0:
            return self.embedding(words)
        ones = self.embedding.weight.new_ones(len(self.embedding.weight), 1)
        mask = nn.functional.dropout(ones, self.dropout_words)
        return nn.functional.embedding(words, mask * self.embedding.weight)

    def _locked(self, x: Tensor, p: float) -> Tensor:
        if not self.training or p == 0:
            return x
        return x * nn.functional.dropout(x.new_ones(1, *x.shape[1:]), p)

    def _run(
        self, lstm: nn.Module, x: Tensor, before: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        if not self.training or self.weight_drop == 0:
            return lstm(x, before)
        weights: dict[str, Tensor] = dict(lstm.named_parameters())
        weights["weight_hh_l0"] = nn.functional.dropout(weights["weight_hh_l0"], self.weight_drop)
        return functional_call(lstm, weights, (x, before))


def detached(hidden: Hidden) -> Hidden:
    """The state as plain numbers: gradients do not reach back beyond the window."""
    return [(h.detach(), c.detach()) for h, c in hidden]


def lstm_parameter_count(words: int, embedding: int, hidden: int, layers: int, tied: bool = True) -> int:
    """Numbers in the model by hand: ``4 b (a + b + 2)`` per layer from a to b units, embedding, decoder."""
    sizes = [embedding, *(hidden,) * (layers - 1), embedding if tied else hidden]
    recurrent = sum(4 * b * (a + b + 2) for a, b in itertools.pairwise(sizes))
    decoder = words if tied else words * sizes[-1] + words
    return words * embedding + recurrent + decoder
