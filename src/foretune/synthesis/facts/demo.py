"""The dataset of the demo: facts of several topics that installed libraries know.

Each fact is asked in several ways. One of them is kept for validation, another for the test, the others are trained
on, so that a model must have learned the fact, not the sentence. A new topic is one function that returns facts,
decorated with `@topic("name")`.

The countries, codes and letters are listed here because they are well known and stable between library versions; what
is said about them comes from the libraries: HTTP status phrases from Python's `http`, character names from
`unicodedata`, currencies, languages and cities from the Unicode CLDR through Babel.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from datetime import date
from http import HTTPStatus
from pathlib import Path

from foretune.synthesis.facts.fact import Fact, asked, write_facts
from foretune.synthesis.facts.libraries import country, english, load, versions

_DAY = date(2024, 1, 1)
"""Currencies are those of this day, whenever the generator runs."""


Topic = Callable[[], Iterable[Fact]]
TOPICS: dict[str, Topic] = {}
"""Every generator of facts, by name."""


def topic(name: str) -> Callable[[Topic], Topic]:
    """Enter a generator into `TOPICS`."""

    def register(generator: Topic) -> Topic:
        TOPICS[name] = generator
        return generator

    return register


def make_facts(directory: Path, *, seed: int = 0) -> Path:
    """Write the demo's dataset.

    Args:
        directory: gets `train.jsonl`, `validation.jsonl`, `test.jsonl` and `card.json`; made if it is not there.
        seed: decides which question of a fact goes where, and the order of rows.

    Returns:
        The directory.

    Raises:
        DataError: if Babel is not installed.
    """
    facts = [fact for generator in TOPICS.values() for fact in generator()]
    card = {
        "name": "facts",
        "family": "facts",
        "kind": "closed-book question answering, several phrasings per fact",
        "metric": "exact_match",
        "license": "facts from Python (PSF-2.0), Unicode names and CLDR (Unicode-3.0), through Babel (BSD-3-Clause)",
        "made_with": versions(("python", "unicode", "babel")),
        "topics": list(TOPICS),
    }
    return write_facts(facts, directory, seed=seed, card=card)


_CODES = (
    "100 101 200 201 202 204 205 206 300 301 302 303 304 307 308 400 401 402 403 404 405 406 408 409 410 411 412 415 "
    "417 423 426 428 429 500 501 502 503 504 505"
)
_CURRENCY_COUNTRIES = (
    "AR AU BD BR CA CL CN CO CU DK EG ET FI FR DE GR HU IN ID IT JP KE MY MX MA NP NZ NG NO PK PE PL RO SA KR ES SE CH "
    "TH"
)
_LANGUAGE_COUNTRIES = (
    "AR AT BR CL CN CO CU DK EG ET FI FR DE GR HU IS ID IR IQ IT JP MY NP PL PT RO RU SA KR ES SE TH UA VN"
)
_ZONES = (
    "Africa/Cairo Africa/Casablanca Africa/Lagos Africa/Nairobi America/Bogota America/Chicago America/Havana "
    "America/Lima America/Montevideo America/Santiago America/Sao_Paulo America/Toronto Asia/Baghdad Asia/Bangkok "
    "Asia/Dhaka Asia/Jakarta Asia/Karachi Asia/Manila Asia/Seoul Asia/Shanghai Asia/Tehran Asia/Tokyo Australia/Sydney "
    "Europe/Amsterdam Europe/Athens Europe/Berlin Europe/Brussels Europe/Budapest Europe/Copenhagen Europe/Dublin "
    "Europe/Helsinki Europe/Lisbon Europe/London Europe/Madrid Europe/Oslo Europe/Paris Europe/Rome Europe/Stockholm "
    "Europe/Vienna Europe/Warsaw Europe/Zurich"
)


@topic("http_status")
def http_status() -> list[Fact]:
    """What HTTP status codes mean, without those whose wording changed between Python versions."""
    phrasings = (
        "What does HTTP status {} mean?",
        "A web server answers {}. What does it say?",
        "Name the HTTP status {}.",
        "HTTP {} stands for what?",
        "Which phrase belongs to HTTP code {}?",
        "Status code {}:",
    )
    return [asked("http_status", code, phrasings, HTTPStatus(int(code)).phrase) for code in _CODES.split()]


@topic("greek_letter")
def greek_letters() -> list[Fact]:
    """Names of the Greek small letters."""
    phrasings = (
        "What is the Greek letter {} called?",
        "Name the Greek letter {}.",
        "Which Greek letter is {}?",
        "How do you read the Greek letter {}?",
        "The Greek letter {} is",
        "Greek {}:",
    )
    # Without the final sigma, and without lambda, which Unicode spells LAMDA.
    letters = [chr(code) for code in range(0x3B1, 0x3CA) if code not in (0x3C2, 0x3BB)]
    return [
        asked("greek_letter", letter, phrasings, unicodedata.name(letter).rsplit(" ", 1)[1].lower())
        for letter in letters
    ]


@topic("accented_letter")
def accented_letters() -> list[Fact]:
    """Names of Latin letters with an accent, `é` is `e with acute`."""
    phrasings = (
        "Describe the letter {}.",
        "What is the letter {} called?",
        "Which letter and accent is {}?",
        "Unicode name of {}?",
        "How is {} written in words?",
        "The character {} is",
    )
    names = {
        letter: unicodedata.name(letter).removeprefix("LATIN SMALL LETTER ").lower()
        for letter in "áàâäãéèêëíìîïóòôöõúùûüñç"
    }
    return [asked("accented_letter", letter, phrasings, name) for letter, name in names.items()]


@topic("currency")
def currencies() -> list[Fact]:
    """Currencies of countries."""
    phrasings = (
        "What is the currency of {}?",
        "Which currency is used in {}?",
        "Name the currency of {}.",
        "What money do people in {} pay with?",
        "I travel to {}. Which currency do I need?",
        "Currency in {}:",
    )
    numbers = load("babel.numbers")
    facts: list[Fact] = []
    for code in _CURRENCY_COUNTRIES.split():
        currency = numbers.get_territory_currencies(code, start_date=_DAY)[0]
        facts.append(asked("currency", country(code), phrasings, numbers.get_currency_name(currency, locale="en")))
    return facts


@topic("language")
def languages() -> list[Fact]:
    """Official languages of countries, the one most spoken where there are several."""
    phrasings = (
        "Which language is spoken in {}?",
        "What is the main language of {}?",
        "Name the official language of {}.",
        "What do people in {} speak?",
        "I travel to {}. Which language should I learn?",
        "Language in {}:",
    )
    names, official = english().languages, load("babel.languages").get_official_languages
    return [
        asked("language", country(code), phrasings, names[official(code)[0]]) for code in _LANGUAGE_COUNTRIES.split()
    ]


@topic("city")
def cities() -> list[Fact]:
    """Countries of the cities that name time zones."""
    phrasings = (
        "In which country is {}?",
        "Which country does {} belong to?",
        "Where is the city of {}?",
        "{} is a city in which country?",
        "I am in {}. What country is this?",
        "Country of {}:",
    )
    territories = load("babel.core").get_global("zone_territories")
    return [
        asked("city", zone.rsplit("/", 1)[1].replace("_", " "), phrasings, country(territories[zone]))
        for zone in _ZONES.split()
    ]
