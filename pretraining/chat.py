"""Chat-formatted pretraining text made from the corpus alone.

Adapters cannot train embedding rows, so a base model that never saw `<|user|>` or `<|end|>` makes every PEFT method
look bad. Each exercise below turns a passage (or plain arithmetic) into one prompt and completion; none uses a
benchmark.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

Exercise = tuple[str, str]
Maker = Callable[[list[str], random.Random], Exercise | None]

_WORD = re.compile(r"[A-Za-z][A-Za-z'-]+")


_SYSTEM = ("You are a helpful assistant.", "Answer briefly.", "Follow the instruction.", "Reply with the answer only.")


def render(turns: list[Exercise], system: str | None = None) -> str:
    """Phi-3's chat layout; the same string the shipped chat template produces."""
    opening = f"<|system|>\n{system}<|end|>\n" if system else ""
    turn_texts = (f"<|user|>\n{prompt}<|end|>\n<|assistant|>\n{completion}<|end|>\n" for prompt, completion in turns)
    return opening + "".join(turn_texts) + "<|endoftext|>"


def _words(sentence: str) -> list[str]:
    return _WORD.findall(sentence)


def _pick(rng: random.Random, *templates: str) -> str:
    return rng.choice(templates)


def continue_passage(sentences: list[str], rng: random.Random) -> Exercise | None:
    at = rng.randrange(max(1, len(sentences) - 1))
    if at + 1 >= len(sentences):
        return None
    lead = _pick(rng, "Continue the text.", "What comes next?", "Go on with this passage:", "Finish the paragraph.")
    return f"{lead}\n{sentences[at]}", sentences[at + 1]


def complete_sentence(sentences: list[str], rng: random.Random) -> Exercise | None:
    words = rng.choice(sentences).split()
    if len(words) < 8:
        return None
    cut = rng.randrange(4, len(words) - 2)
    lead = _pick(rng, "Complete the sentence:", "Finish:", "How does it end?")
    return f"{lead} {' '.join(words[:cut])}", " ".join(words[cut:])


def missing_word(sentences: list[str], rng: random.Random) -> Exercise | None:
    sentence = rng.choice(sentences)
    candidates = [w for w in _words(sentence) if len(w) > 3]
    if not candidates:
        return None
    word = rng.choice(candidates)
    blanked = re.sub(rf"\b{re.escape(word)}\b", "____", sentence, count=1)
    lead = _pick(rng, "Fill in the blank:", "Which word is missing?", "Text:", "Missing word:")
    return f"{lead} {blanked}", word


def choose_word(sentences: list[str], rng: random.Random) -> Exercise | None:
    made = missing_word(sentences, rng)
    others = [w for s in sentences for w in _words(s) if len(w) > 3]
    if made is None or len(set(others)) < 4:
        return None
    prompt, word = made
    options = [*rng.sample(sorted(set(others) - {word}), min(rng.randint(1, 3), len(set(others) - {word}))), word]
    rng.shuffle(options)
    if rng.random() < 0.5:
        letters = "ABCDE"
        listed = "\n".join(f"{letters[i]}. {o}" for i, o in enumerate(options))
        return f"{prompt}\n{listed}\nAnswer:", letters[options.index(word)]
    separator = _pick(rng, ", ", " / ", "; ")
    return f"{prompt}\n{_pick(rng, 'Options', 'Choices', 'One of')}: {separator.join(options)}\nAnswer:", word


def find_sentence(sentences: list[str], rng: random.Random) -> Exercise | None:
    some = sentences[: rng.randint(2, 4)]
    sentence = rng.choice(some)
    names = [w for w in _words(sentence)[1:] if w[0].isupper() and sum(w in s for s in some) == 1]
    word = rng.choice(names) if names else None
    if word is None:
        return None
    lead = _pick(rng, f"Which sentence mentions {word}?", f"Quote the sentence about {word}.", f"Where is {word}?")
    return f"{' '.join(some)}\n{lead}", sentence


def capitalized_words(sentences: list[str], rng: random.Random) -> Exercise | None:
    sentence = rng.choice(sentences)
    names = [w for w in sentence.split()[1:] if w[:1].isupper()]
    lead = _pick(rng, "List the capitalized words:", "Names in the text:", "Find the names.")
    separator = _pick(rng, ", ", "; ")
    return f"{lead} {sentence}", separator.join(n.strip(".,;:!?\"'") for n in names) or "none"


def copy_text(sentences: list[str], rng: random.Random) -> Exercise | None:
    sentence = rng.choice(sentences)
    lead = _pick(rng, "Repeat:", "Copy this:", "Say it again:", "Quote:")
    return f"{lead} {sentence}", sentence


def change_case(sentences: list[str], rng: random.Random) -> Exercise | None:
    text = " ".join(rng.choice(sentences).split()[: rng.randint(2, 8)])
    lead, change = rng.choice([("In capitals:", str.upper), ("In lower case:", str.lower), ("As a title:", str.title)])
    return f"{lead} {text}", change(text)


def word_position(sentences: list[str], rng: random.Random) -> Exercise | None:
    words = rng.choice(sentences).split()
    if len(words) < 4:
        return None
    sentence = " ".join(words[:12])
    at = rng.randrange(1, min(len(words), 12))
    question, answer = rng.choice(
        [
            ("first word", words[0]),
            ("last word", words[:12][-1]),
            (f"word after {words[at - 1]}", words[at]),
            ("number of words", str(len(words[:12]))),
        ]
    )
    return f"{sentence}\n{_pick(rng, 'What is the', 'Give the', 'Find the')} {question}?", answer


def key_values(sentences: list[str], rng: random.Random) -> Exercise | None:
    words = [w.lower() for s in sentences for w in _words(s) if len(w) > 2]
    if len(set(words)) < 8:
        return None
    chosen = rng.sample(sorted(set(words)), 2 * rng.randint(2, 4))
    pairs = list(zip(chosen[::2], chosen[1::2], strict=True))
    link, separator = rng.choice([(" = ", ", "), (": ", "; "), (" is ", ". ")])
    record = separator.join(f"{k}{link}{v}" for k, v in pairs)
    key, value = rng.choice(pairs)
    if rng.random() < 0.5:
        return f"{record}\n{_pick(rng, 'What is', 'Value of', 'Look up')} {key}?", value
    return f"{'. '.join(f'The {k} is {v}' for k, v in pairs)}.\nWrite it as a list:", record


def arithmetic(_: list[str], rng: random.Random) -> Exercise | None:
    top = rng.choice([10, 20, 100, 100, 1000])
    a, b = rng.randrange(top), rng.randrange(top)
    sign, result = rng.choice([("+", a + b), ("-", a - b), ("*", a * b), ("+", a + b), ("-", a - b)])
    names = {"+": ("plus", "and"), "-": ("minus", "take away"), "*": ("times", "multiplied by")}[sign]
    shape = rng.choice([f"{a} {sign} {b} =", f"What is {a} {sign} {b}?", f"Calculate {a} {rng.choice(names)} {b}."])
    return shape, str(result)


def equation(sentences: list[str], rng: random.Random) -> Exercise | None:
    a, b = rng.randrange(2, 100), rng.randrange(2, 100)
    thing = rng.choice(_words(rng.choice(sentences)) or ["stones"]).lower()
    sign, story, result = rng.choice(
        [
            ("+", f"There are {a} {thing} here and {b} there. How many {thing} are there?", a + b),
            ("-", f"There were {a + b} {thing}. {b} went away. How many are left?", a),
            ("*", f"Each of {a} boxes holds {b} {thing}. How many {thing} in all?", a * b),
        ]
    )
    left = a + b if sign == "-" else a
    return (
        (f"{story}", str(result)) if rng.random() < 0.6 else (f"{story}\nWrite it down:", f"{left}{sign}{b}={result}")
    )


def same_or_not(sentences: list[str], rng: random.Random) -> Exercise | None:
    sentence = rng.choice(sentences)
    words = _words(sentence)
    others = [w for s in sentences for w in _words(s) if w not in sentence and len(w) > 3]
    if len(words) < 4 or not others:
        return None
    present = rng.random() < 0.5
    word = rng.choice(words if present else others)
    yes, no = rng.choice([("yes", "no"), ("true", "false"), ("Yes", "No")])
    return f"{sentence}\nDoes it contain the word {word}? Answer {yes} or {no}:", yes if present else no


def sort_words(sentences: list[str], rng: random.Random) -> Exercise | None:
    words = sorted({w.lower() for s in sentences for w in _words(s) if len(w) > 3})
    if len(words) < 6:
        return None
    some = rng.sample(words, rng.randint(3, 5))
    return f"Sort alphabetically: {', '.join(some)}", ", ".join(sorted(some))


def spell(sentences: list[str], rng: random.Random) -> Exercise | None:
    words = [w for s in sentences for w in _words(s) if len(w) > 3]
    if not words:
        return None
    word = rng.choice(words)
    return rng.choice([(f"Spell {word}.", "-".join(word)), (f"Join: {'-'.join(word)}", word)])


def question_from_clause(sentences: list[str], rng: random.Random) -> Exercise | None:
    """`Subject was predicate` sentences become a who/what question whose answer stands in the prompt."""
    found = [
        m
        for s in sentences
        if (m := re.match(r"^((?:The |A |An )?[A-Z]\w+(?: \w+)?) (is|was|were|had|has) (.{8,80}?)[.,;]", s))
    ]
    if not found:
        return None
    match = rng.choice(found)
    subject, verb, rest = match.groups()
    start = rng.randrange(max(1, len(sentences) - 2))
    context = " ".join(dict.fromkeys([*sentences[start : start + 2], match.group(0)]))
    return f"{context}\n{_pick(rng, 'Who', 'What')} {verb} {rest}?", subject


MAKERS: tuple[tuple[Maker, int], ...] = (
    (continue_passage, 10), (complete_sentence, 8), (missing_word, 7), (choose_word, 12), (find_sentence, 6),
    (capitalized_words, 6), (copy_text, 4), (change_case, 3), (word_position, 5), (key_values, 10), (arithmetic, 8),
    (equation, 7), (same_or_not, 5), (sort_words, 3), (spell, 3), (question_from_clause, 10),
)  # fmt: skip


def exercises(sentences: list[str], rng: random.Random, count: int) -> list[str]:
    """`count` rendered exercises (fewer where a passage does not lend itself) over one run of sentences."""
    makers, weights = zip(*MAKERS, strict=True)
    drawn = rng.choices(makers, weights=weights, k=count)
    made = [made for maker in drawn if (made := maker(sentences, rng)) and made[1]]
    texts = []
    while made:
        turns = [made.pop() for _ in range(min(len(made), rng.choice((1, 1, 1, 1, 1, 1, 1, 2))))]
        texts.append(render(turns, rng.choice(_SYSTEM) if rng.random() < 0.08 else None))
    return texts
