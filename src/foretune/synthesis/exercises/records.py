"""Made-up records and commands: fields to find, and formats to write."""

from __future__ import annotations

import json

import numpy as np

from foretune.synthesis.exercises.registry import exercise
from foretune.synthesis.exercises.words import CITIES, COLORS, JOBS, NAMES, THINGS, between, pick, sample
from foretune.synthesis.write import Pair

_COMMANDS = (
    (("Copy {file} to the folder {folder}.", "Put a copy of {file} into {folder}."), "cp {file} {folder}/"),
    (("Move {file} to the folder {folder}.", "Put {file} into {folder}."), "mv {file} {folder}/"),
    (("Delete {file} in {folder}.", "Remove {file} from the folder {folder}."), "rm {folder}/{file}"),
    (("Make a folder {other} in {folder}.", "Create {other} inside {folder}."), "mkdir {folder}/{other}"),
    (("Count the lines of {file} in {folder}.", "How many lines has {file} in {folder}?"), "wc -l {folder}/{file}"),
    (("Show the first {n} lines of {file}.", "Print {n} lines from the top of {file}."), "head -n {n} {file}"),
    (("Find {other} in {file}.", "Search {file} for the word {other}."), "grep {other} {file}"),
    (
        ("Sort {file} and write it to {folder}.txt.", "Write the sorted {file} to {folder}.txt."),
        "sort {file} > {folder}.txt",
    ),
)
_ENDINGS = ("txt", "csv", "log", "json")


def _person(rng: np.random.Generator) -> dict[str, str | int]:
    """A made-up person: four to six fields in random order."""
    fields: dict[str, str | int] = {
        "name": pick(rng, NAMES),
        "age": between(rng, 18, 90),
        "city": pick(rng, CITIES),
        "job": pick(rng, JOBS),
        "color": pick(rng, COLORS),
        "size": between(rng, 140, 200),
    }
    return {field: fields[field] for field in sample(rng, tuple(fields), between(rng, 4, 6))}


@exercise("extraction")
def csv_field(rng: np.random.Generator) -> Pair:
    """One field of a line of CSV, by the header."""
    person = _person(rng)
    field = pick(rng, tuple(person))
    return f"{','.join(person)}: {','.join(map(str, person.values()))}. Which {field}?", str(person[field])


@exercise("extraction")
def key_values(rng: np.random.Generator) -> Pair:
    """The keys that a record has a value for, among pairs of which some are empty."""
    person = _person(rng)
    empty = set(sample(rng, tuple(person), between(rng, 0, 2)))
    text = "; ".join(f"{key}={'' if key in empty else value}" for key, value in person.items())
    return f"Which keys have a value? {text}", " ".join(key for key in person if key not in empty)


@exercise("rewriting, long completions")
def to_json(rng: np.random.Generator) -> Pair:
    """Three fields in words as JSON, numbers without quotes."""
    person = dict(list(_person(rng).items())[:3])
    text = ", ".join(f"{key} is {value}" for key, value in person.items())
    return f"As JSON: {text}", json.dumps(person)


@exercise("rewriting, long completions")
def describe_person(rng: np.random.Generator) -> Pair:
    """A sentence from a line of CSV whose columns are always the same."""
    name, age, city, job = pick(rng, NAMES), between(rng, 18, 90), pick(rng, CITIES), pick(rng, JOBS)
    article = "an" if job[0] in "aeiou" else "a"
    return (
        f"Describe: {name},{job},{city},{age}",
        f"{name} is {age} years old and works as {article} {job} in {city}.",
    )


@exercise("translation into a formal language")
def shell_commands(rng: np.random.Generator) -> Pair:
    """Commands to a shell from what they should do, each said in two ways."""
    phrasings, command = pick(rng, _COMMANDS)
    word, folder, other = sample(rng, THINGS[:60], 3)
    file = f"{word}.{pick(rng, _ENDINGS)}"
    slots = {"file": file, "folder": folder, "other": other, "n": between(rng, 2, 50)}
    return pick(rng, phrasings).format(**slots), command.format(**slots)
