"""Texts as numbers: words, each line's end marked, in order of their first appearance in the training text."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from .dataset import Dataset, Split

END, UNKNOWN = "<eos>", "<unk>"


def corpus(name: str, train: list[str], validation: list[str], test: list[str], limit: int | None = None) -> Dataset:
    """A language model's data from lists of words.

    Parameters
    ----------
    limit : int, optional
        Size of the vocabulary: the most frequent words of the training text, the others become ``<unk>``. Without it
        the vocabulary is that of the training text, and other words become ``<unk>`` where that is a word of it.

    Raises
    ------
    ValueError
        An unknown word and no ``<unk>``.
    """
    if limit is not None:
        kept = {word for word, _ in Counter(train).most_common(limit - 1)} | {UNKNOWN}
        train = [word if word in kept else UNKNOWN for word in train]
    index = {word: i for i, word in enumerate(dict.fromkeys(train))}
    if limit is not None:
        index.setdefault(UNKNOWN, len(index))

    def numbers(words: list[str]) -> Split:
        try:
            found = np.asarray([index[w] if w in index else index[UNKNOWN] for w in words], dtype=np.int64)
        except KeyError:
            raise ValueError(f"data {name!r}: a word is not in the training text, which has no {UNKNOWN}") from None
        return Split(found, found)

    return Dataset(name, "language", (), len(index), numbers(train), numbers(test), numbers(validation))


def lines_to_words(text: str) -> list[str]:
    """Words between blanks, ``<eos>`` after each line, as Mikolov's files are read."""
    return [word for line in text.splitlines() for word in (*line.split(), END)]


def python_documentation(limit: int = 2000) -> Dataset:
    """Real English that every Python ships: the texts of ``help()``'s topics.

    Lower case, words and marks separated, numbers as ``N``; of every hundred paragraphs ten
    go to the validation and ten to the test set. The text changes with Python's version; the manifest keeps its digest.
    """
    from pydoc_data.topics import topics

    parts: tuple[list[str], list[str], list[str]] = ([], [], [])
    paragraphs = (p for name in sorted(topics) for p in re.split(r"\n\s*\n", topics[name]))
    for number, paragraph in enumerate(paragraphs):
        words = re.findall(r"[a-z]+|N|[^\sa-z]", re.sub(r"\d+", " N ", paragraph.lower()))
        if words:
            # In blocks, so that neighbours in the text stay neighbours.
            parts[{8: 1, 9: 2}.get(number // 10 % 10, 0)].extend([*words, END])
    return corpus("python-documentation", *parts, limit=limit)
