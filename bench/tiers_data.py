"""What tiers.py moves: large text, and many small documents."""
import itertools
import json
import os
import random

TEXT_BYTES = 8 << 20
DOCUMENTS, DOCUMENT_BYTES = 5183, 1500  # as SciFact's abstracts
PHRASES = 0.3  # zstd makes 0.35 of it, as of English


def words(chance, count):
    """Made-up ones, the frequent ones short."""
    letters, vowels = "tnshrdlcmwfgpbvk", "eaoiu"
    found = dict.fromkeys(["the", "of", "and", "in", "to", "a", "is", "that", "for", "with", "by", "was"])
    while len(found) < count:
        parts = 1 + min(4, int(len(found) ** 0.2 * chance.uniform(0.4, 1.3)))
        found["".join(chance.choice(letters) + chance.choice(vowels) + chance.choice(["", "", "n", "s", "r"])
                      for _ in range(parts))] = None
    return list(found)


def text(size, seed):
    """Words by Zipf's law; some are mostly followed by one of a few, as in phrases."""
    chance = random.Random(seed)
    known = words(random.Random(7), 12000)
    weights = list(itertools.accumulate(1 / (rank + 2.7) for rank in range(len(known))))
    followers = {}
    drawn = chance.choices(known, cum_weights=weights, k=size // 5)
    out, length, word, left = [], 0, "", 12
    for new in drawn:
        if word and chance.random() < PHRASES:
            choices = followers.setdefault(word, [])
            if len(choices) < 3:
                choices.append(new)
            new = choices[int(chance.random() * len(choices))]
        word, left = new, left - 1
        end = " " if left else ". " if chance.random() < 0.85 else ".\n"
        left = left or chance.randrange(6, 30)
        out.append(word + end)
        length += len(word) + len(end)
        if length >= size:
            break
    return "".join(out).encode()[:size]


def documents_in(place):
    """Of a file of JSON lines, or the files of a folder."""
    if os.path.isdir(place):
        return [open(e.path, "rb").read() for e in sorted(os.scandir(place), key=lambda e: e.name) if e.is_file()]
    with open(place, encoding="utf-8") as f:
        lines = map(json.loads, f)
        return [f"{d.get('title', '')}\n\n{d['text']}\n".encode() for d in lines]


def large_text():
    """(text, is it real?)"""
    if not os.environ.get("TEXT"):
        return text(TEXT_BYTES, 1), False
    with open(os.environ["TEXT"], "rb") as f:
        return f.read(256 << 20), True


def small_documents():
    if os.environ.get("DOCUMENTS"):
        return documents_in(os.environ["DOCUMENTS"]), True
    chance, all_of_them, at, found = random.Random(2), text(TEXT_BYTES, 3), 0, []
    while len(found) < DOCUMENTS:
        size = max(200, int(chance.lognormvariate(0, 0.4) * DOCUMENT_BYTES))
        at = at if at + size < len(all_of_them) else 0
        found.append(all_of_them[at:at + size])
        at += size
    return found, False
