"""Answers of the datasets of facts, computed in another way or known."""

import re
from datetime import datetime
from decimal import Decimal

import numpy as np
import pytest

from foretune.synthesis.facts import DATASETS
from foretune.synthesis.facts.libraries import load


def generated(name):
    """Rows of all splits, by split."""
    return DATASETS[name].generate(np.random.default_rng(3))


def pairs_of(name):
    return [pair for pairs in generated(name).values() for pair in pairs]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("currency_codes", {"Japan": "JPY", "Denmark": "DKK", "Kenya": "KES", "the United States": "USD"}),
        ("file_endings", {".rs": "Rust", ".tex": "TeX", "Kotlin": ".kt", "C#": ".cs"}),
        ("utc_offsets", {"Tokyo": "UTC+9", "Lima": "UTC-5", "Kolkata": "UTC+5:30", "Accra": "UTC+0"}),
        ("day_names", {"Monday French": "lundi", "Wednesday Spanish": "miércoles", "March German": "März"}),
    ],
)
def test_facts_that_everybody_knows(name, known):
    pairs = pairs_of(name)
    for subject, answer in known.items():
        words = [
            rf"(?<![\w.]){re.escape(word)}(?!\w)" for word in ([subject] if name != "day_names" else subject.split())
        ]
        asked = [said for prompt, said in pairs if all(re.search(word, prompt) for word in words)]
        assert len(asked) in {5, 6}
        assert set(asked) == {answer}


def test_one_option_is_on_the_continent_by_its_country():
    names, countries = load("babel.core").Locale("en").territories, load("babel.core").get_global("zone_territories")
    inside = {
        "Africa": "Algeria Angola Egypt Kenya Libya Morocco Mozambique Nigeria Senegal Sudan Tunisia Zambia",
        "Europe": "Austria Belgium Finland France Germany Greece Ireland Italy Netherlands Norway Portugal Spain",
    }
    zones = {zone.rsplit("/", 1)[1].replace("_", " "): names[code] for zone, code in countries.items() if "/" in zone}
    checked = 0
    for prompt, answer in pairs_of("city_choice"):
        continent, *options = re.fullmatch(r"Which is in (\w+): (.+), (.+) or (.+)\?", prompt).groups()
        if continent in inside:
            assert [option for option in options if zones[option] in inside[continent].split()] == [answer]
            checked += 1
    assert checked > 100


def test_exceptions_are_caught_by_python_as_the_answers_say():
    exceptions = {one.__name__: one for one in _below(BaseException) if one.__module__ == "builtins"}
    for prompt, answer in pairs_of("caught_exceptions"):
        clause, raised = (exceptions[name] for name in re.findall(r"\w+", prompt) if name in exceptions)
        assert answer == ("yes" if _is_caught(raised, clause) else "no")


def _is_caught(raised, clause):
    try:
        raise raised.__new__(raised)  # noqa: TRY301 (this is what is tried)
    except clause:
        return True
    except BaseException:  # noqa: BLE001 (some clauses are above Exception)
        return False


def _below(base):
    return {base} | {deeper for one in base.__subclasses__() for deeper in _below(one)}


def test_digits_are_read_as_python_reads_them():
    scripts = set()
    for prompt, answer in pairs_of("script_digits"):
        (written,) = re.findall(r"\d+", prompt)
        assert not written.isascii()
        assert int(written) == int(answer)
        scripts.add(ord(written[0]) // 128)
    assert len(scripts) == 8


def test_dates_are_the_same_day_in_the_form_of_the_country():
    forms = {
        "Germany": "%d.%m.%y",
        "the United Kingdom": "%d/%m/%Y",
        "the United States": "%m/%d/%y",
        "Spain": "%d/%m/%y",
        "Finland": "%d.%m.%Y",
        "Hungary": "%Y. %m. %d.",
        "Japan": "%Y/%m/%d",
        "the Netherlands": "%d-%m-%Y",
        "Poland": "%d.%m.%Y",
        "Sweden": "%Y-%m-%d",
    }
    seen = set()
    for prompt, answer in pairs_of("local_dates"):
        day, place = re.fullmatch(r"(.+), as written in (.+)\?", prompt).groups()
        assert datetime.strptime(answer, forms[place]) == datetime.strptime(day, "%B %d, %Y")
        seen.add(place)
    assert seen == set(forms)


def test_metric_units_are_the_same_amount():
    powers = {
        "giga": 9,
        "mega": 6,
        "kilo": 3,
        "hecto": 2,
        "deci": -1,
        "centi": -2,
        "milli": -3,
        "micro": -6,
        "nano": -9,
    }
    for prompt, answer in pairs_of("metric_prefixes"):
        small, count, large = re.fullmatch(r"How many (\w+) are (\d+) (\w+)\?", prompt).groups()
        one, other = (
            next((Decimal(10) ** power for prefix, power in powers.items() if unit.startswith(prefix)), Decimal(1))
            for unit in (small, large)
        )
        assert int(answer) * one == int(count) * other


def test_both_steps_of_a_city_are_trained_on_singly():
    rows = generated("city_currencies")
    city = dict(rows["train"])
    for prompt, answer in (*rows["validation"], *rows["test"]):
        if not prompt.startswith("Country and currency of "):
            continue
        where, money = answer.split(", ")
        name = prompt.removeprefix("Country and currency of ").removesuffix("?")
        assert city[f"Country of {name}?"] == where
        assert money in (city.get(f"Currency of {where}?"), city.get(f"Currency of the {where}?"))
        assert prompt not in city
    assert dict(rows["train"])["Where is Cairo?"] == "Egypt"
    assert dict(rows["train"])["Currency of Japan?"] == "Japanese Yen"
