"""A server that speaks the chat completions API, through the `openai` client."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import openai
from openai.types.chat import ChatCompletion

from foretune.errors import TeacherError
from foretune.teacher.address import check_url
from foretune.teacher.protocol import Failure, Reply, Request, estimate_tokens

_SHORTEST_KEY = 8
"""Characters; shorter keys are placeholders of local servers, and may occur in any text."""


class Endpoint:
    """A chat model behind an address.

    The key is read from the environment, and leaves this object only in the header of a request. It is cut out of
    errors and answers.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key_variable: str = "OPENAI_API_KEY",
        concurrency: int = 8,
        timeout_seconds: float = 120.0,
        retries: int = 8,
    ) -> None:
        """Connect to nothing yet.

        Args:
            url: the base of the API, which mostly ends with `/v1`.
            model: as the server names it.
            key_variable: the environment variable of the key; servers without keys need none.
            concurrency: requests under way at a time.
            timeout_seconds: of one attempt.
            retries: after connections that fail and after 408, 409, 429 and 5xx, with growing pauses, or those that
                the server asks for.

        Raises:
            TeacherError: the address is none, or has a secret in it.
        """
        check_url(url)
        self.name, self.concurrency = model, concurrency
        self._host = urlsplit(url).hostname or ""
        self._variable, self._key = key_variable, os.environ.get(key_variable, "").strip()
        self._refused = frozenset[str]()
        self._client = openai.OpenAI(
            base_url=url, api_key=self._key or "none", timeout=timeout_seconds, max_retries=retries
        )
        weakref.finalize(self, self._client.close)

    def ask(self, request: Request) -> Reply | Failure:
        """Answer a request, see `foretune.teacher.protocol.Teacher`.

        Raises:
            TeacherError: the server refuses the key or does not know the model.
        """
        failure = Failure("")
        for _ in range(self._client.max_retries + 1):
            try:
                return self._reply(self._complete(request), request)
            except openai.AuthenticationError as error:
                advice = f"check the key in the environment variable {self._variable}"
                raise TeacherError(f"{self._host} refused the request ({self._said(error)}); {advice}") from None
            except openai.NotFoundError as error:
                advice = f"check the address, and the model's name {self.name!r}"
                raise TeacherError(f"{self._host} did not find it ({self._said(error)}); {advice}") from None
            except openai.OpenAIError as error:  # the client has tried again where that may help
                return Failure(self._said(error))
            except (ValueError, TypeError, AttributeError, LookupError) as error:
                # The client does not check the body of an answer: what is no chat completion ends here.
                failure = Failure(f"the answer is no chat completion ({self._said(error)})")
        return failure

    def _complete(self, request: Request) -> ChatCompletion:
        """The answer of the server, without the parameters that it does not take."""
        refused = self._refused
        while True:
            body = _body(request, self.name, refused)
            try:
                completion = self._client.chat.completions.create(**body)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                another = _refused_parameter(str(error), body)
                if another is None:
                    raise
                refused = refused | {another}
            else:
                # Only now it is known that the parameters were to blame.
                self._refused = self._refused | refused
                return completion

    def _reply(self, completion: ChatCompletion, request: Request) -> Reply:
        text = self._redacted(str(completion.choices[0].message.content or ""))
        sent, received = estimate_tokens(request.system + request.prompt), estimate_tokens(text)
        if usage := completion.usage:
            sent, received = int(usage.prompt_tokens), int(usage.completion_tokens)
        return Reply(text, sent, received)

    def _said(self, error: Exception) -> str:
        """The error in one line, without the key."""
        return self._redacted(" ".join(f"{type(error).__name__}: {error}".split()))[:300]

    def _redacted(self, text: str) -> str:
        return text.replace(self._key, "[key]") if len(self._key) >= _SHORTEST_KEY else text


def _body(request: Request, model: str, refused: frozenset[str]) -> dict[str, Any]:
    body = request.body(model)
    if request.schema:
        answer = {"name": "answer", "schema": request.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": answer}
    if "max_tokens" in refused:
        body["max_completion_tokens"] = body["max_tokens"]
    return {name: value for name, value in body.items() if name not in refused}


def _refused_parameter(message: str, body: Mapping[str, Any]) -> str | None:
    """The parameter that a server most likely does not take; None if there is nothing left to leave out."""
    named = (name for name in ("max_tokens", "temperature") if name in body and name in message)
    return next(named, "response_format" if "response_format" in body else None)
