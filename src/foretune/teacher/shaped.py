"""Keeps a local model to a JSON schema: tokens that cannot continue a matching answer are never chosen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from llguidance import LLMatcher
from llguidance.hf import from_tokenizer
from transformers import LogitsProcessor, PreTrainedTokenizerBase, PreTrainedTokenizerFast

# No space between the parts: small models fill it without end.
_FORMAT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


class Shapes:
    """Makes a processor for each answer."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, stops: Sequence[int], vocabulary: int) -> None:
        """Read the tokenizer, which takes a second.

        Args:
            tokenizer: of the model.
            stops: tokens that end an answer.
            vocabulary: tokens that the model chooses from.
        """
        fast = cast("PreTrainedTokenizerFast", tokenizer)
        self._tokenizer = from_tokenizer(fast, n_vocab=vocabulary, eos_token=list(stops))

    def processor(self, schema: Mapping[str, Any], temperature: float, seed: int) -> LogitsProcessor:
        """For one answer of one prompt; the most likely token after it is a draw at this temperature."""
        grammar = LLMatcher.grammar_from_json_schema(json.dumps({**schema, "x-guidance": _FORMAT}))
        return _Shaped(LLMatcher(self._tokenizer, grammar), temperature, torch.Generator().manual_seed(seed))


class _Shaped(LogitsProcessor):
    def __init__(self, matcher: LLMatcher, temperature: float, generator: torch.Generator) -> None:
        self._matcher, self._temperature, self._generator = matcher, temperature, generator
        self._read: int | None = None

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.FloatTensor:
        """Forbid the tokens that do not continue the answer."""
        if self._read is not None:
            self._matcher.consume_tokens(input_ids[0, self._read :].tolist())
        self._read = input_ids.shape[1]
        allowed = np.frombuffer(self._matcher.compute_logit_bias(), dtype=np.uint8) > 0
        mask = torch.ones(scores.shape[-1], dtype=torch.bool)
        mask[: len(allowed)] = torch.from_numpy(~allowed[: len(mask)])
        # The largest of scores with Gumbel noise is a draw from their softmax.
        uniform = torch.rand(scores.shape, generator=self._generator).clamp_min(1e-20)
        noisy = scores - self._temperature * (-uniform.log()).log().to(scores.device)
        return cast("torch.FloatTensor", noisy.masked_fill(mask.to(scores.device), -torch.inf))
