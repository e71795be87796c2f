"""Which language a file is in, by its ending, and the other way around."""

from __future__ import annotations

import numpy as np

from foretune.synthesis.facts.fact import Fact, Splits, asked, split_by_wording
from foretune.synthesis.facts.libraries import load
from foretune.synthesis.facts.registry import KNOWN_FACTS, dataset

# Aliases of Pygments; languages whose first ending belongs to no other of them.
_LANGUAGES = (
    "ada awk bash bibtex clojure cmake coffeescript csharp cpp css cuda cython dart delphi elixir elm erlang "
    "fsharp fortran go graphql groovy haskell html java javascript json julia kotlin latex lua markdown matlab "
    "ocaml perl php postscript powershell python racket ruby rust scala swift tcl toml typescript xml yaml zig"
)
_LANGUAGE = (
    "Which language has files that end in {}?",
    "A file ends in {}. What is it written in?",
    "Language of {} files?",
    "{} belongs to",
    "What do I open with the ending {}?",
)
_ENDING = (
    "What do {} files end in?",
    "Ending of a file in {}?",
    "I save code in {}. Which ending?",
    "{} is stored in files with the ending",
    "File ending for {}?",
)


@dataset(
    family="reference",
    kind="look-up in both directions",
    test_asks=KNOWN_FACTS,
    source="Pygments",
    license_name="BSD-2-Clause",
    libraries=("pygments",),
)
def file_endings(rng: np.random.Generator) -> Splits:
    """Endings of files and names of languages, as Pygments knows them."""
    find = load("pygments.lexers").get_lexer_by_name
    facts: list[Fact] = []
    for lexer in map(find, _LANGUAGES.split()):
        ending = lexer.filenames[0].removeprefix("*")
        facts += [asked("ending", ending, _LANGUAGE, lexer.name), asked("language", lexer.name, _ENDING, ending)]
    return split_by_wording(facts, rng)
