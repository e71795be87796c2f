"""`foretune chat`: a conversation with a finetuned model."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foretune.cli.options import Device
from foretune.session.saying import remark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foretune.execution.finetuned import Finetuned
    from foretune.finetuning.data import Message


def chat(
    run: Annotated[Path, typer.Argument(help="Output folder of tune or finetune, or the adapter folder in it.")],
    max_new_tokens: Annotated[
        int | None, typer.Option(min=1, help="Tokens of an answer; by default those of the longest completion.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Base model, if it has moved.")] = None,
    device: Device = "auto",
) -> None:
    """Talk to the model that RUN finetuned: /new begins another conversation, /quit ends."""
    from rich.console import Console

    from foretune.execution.run_folder import find_finetuned

    find_finetuned(run)
    console = Console(stderr=True)
    with console.status("loading the model ..."):
        from foretune.execution.finetuned import open_finetuned
        from foretune.finetuning.model import choose_device

        finetuned = open_finetuned(run, model=model, device=choose_device(device))
    if finetuned.note:
        remark(console, finetuned.note)
    remembers = bool(finetuned.tokenizer.chat_template)
    kind = "one conversation" if remembers else "each line a prompt of its own, for there is no chat template"
    console.print(f"{kind}; /new begins another, /quit ends", style="dim", highlight=False)
    try:
        talk(finetuned, _lines(), max_new_tokens, remembers=remembers)
    except KeyboardInterrupt:
        console.print()


def talk(finetuned: Finetuned, lines: Iterator[str], max_new_tokens: int | None, *, remembers: bool) -> None:
    """Answer line after line, as the words come.

    Args:
        finetuned: the model that answers.
        lines: of the user.
        max_new_tokens: see `Finetuned.answers`.
        remembers: whether the turns before are part of the next prompt.
    """
    from transformers import TextStreamer

    from foretune.finetuning.data import Message

    before: list[Message] = []
    for line in lines:
        if line == "/quit":
            return
        if line == "/new":
            before = []
        elif line:
            streamer = TextStreamer(finetuned.tokenizer, skip_prompt=True, skip_special_tokens=True)
            asked = [*before, Message("user", line)]
            (text,) = finetuned.answers([asked], max_new_tokens=max_new_tokens, streamer=streamer)
            before = [*asked, Message("assistant", text)] if remembers else []


def _lines() -> Iterator[str]:
    """Lines that the user types, or the lines of a pipe, until the end."""
    if sys.stdin.isatty():
        import_module("readline")  # editing and history of `input`
    while True:
        try:
            yield input("> " if sys.stdin.isatty() else "").strip()
        except EOFError:
            return
