"""Fields of records."""

import json
import re


def test_records(drawn):
    for prompt, answer in drawn("csv_field"):
        header, line, field = re.fullmatch(r"(.+): (.+)\. Which (\w+)\?", prompt).groups()
        assert dict(zip(header.split(","), line.split(","), strict=True))[field] == answer
    for prompt, answer in drawn("to_json"):
        said = [part.split(" is ") for part in prompt.removeprefix("As JSON: ").split(", ")]
        assert [[key, str(value)] for key, value in json.loads(answer).items()] == said
    for prompt, answer in drawn("key_values"):
        assert re.findall(r"(\w+)=\w", prompt) == answer.split()
    commands = dict(drawn("shell_commands"))
    assert all("{" not in prompt + command for prompt, command in commands.items())
    assert {command.split()[0] for command in commands.values()} == {
        "cp",
        "mv",
        "rm",
        "mkdir",
        "wc",
        "head",
        "grep",
        "sort",
    }


def test_a_person_is_described_with_the_article_of_the_job(drawn):
    for prompt, answer in drawn("describe_person"):
        name, job, city, age = prompt.removeprefix("Describe: ").split(",")
        article = "an" if job == "actor" else "a"
        assert answer == f"{name} is {age} years old and works as {article} {job} in {city}."
