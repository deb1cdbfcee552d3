#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Our tokeniser and PyPI's `tokenizers` on random Unicode texts: the ids must be the same.

usage: compare_tokenizers.py PROGRAM MODEL_DIR [COUNT] [SEED]      (PROGRAM: test_tokenise)
"""
import os
import random
import struct
import subprocess
import sys

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

RANGES = [(0x20, 0x7E)] * 6 + [(0xA0, 0x24F)] * 3 + [
    (0, 0x20), (0x80, 0xA0), (0x250, 0x3FF), (0x300, 0x36F), (0x400, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF), (0x1100, 0x11FF),
    (0x1E00, 0x20CF), (0x2000, 0x206F), (0x2100, 0x2BFF), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xE000, 0xF8FF),
    (0xF900, 0xFFFF), (0x10000, 0x1F9FF), (0x1F300, 0x1FAFF), (0x20000, 0x33479), (0x80, 0x10FFFF)]


def reference(folder):
    with open(folder + "/vocab.txt", encoding="utf-8") as f:
        vocabulary = {t: i for i, t in enumerate(f.read().split("\n")[:-1])}
    unknown = vocabulary["[UNK]"] = len(vocabulary)
    t = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    t.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=True, lowercase=True)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return lambda texts: [[i for i in e.ids if i != unknown] for e in t.encode_batch(texts, add_special_tokens=False)], list(vocabulary)


def character(rng):
    while True:
        c = rng.randint(*rng.choice(RANGES))
        if not 0xD800 <= c < 0xE000:
            return chr(c)


def word(rng, tokens):
    """Pieces of the vocabulary, some spoiled: random characters alone would seldom make a known word."""
    w = "".join(rng.choice(tokens).removeprefix("##") for _ in range(rng.randint(1, 4)))
    return rng.choice([w, w, w.upper(), w.title(), w + character(rng), character(rng) + w])


def text(rng, tokens):
    if rng.random() < 0.02:
        return rng.choice("aé한") * rng.randint(95, 110)
    parts = [word(rng, tokens) if rng.random() < 0.5 else character(rng) for _ in range(rng.randint(0, 40))]
    return rng.choice(["", " "]).join(parts)


def ours(program, folder, texts):
    data = b"".join(struct.pack("<I", len(b)) + b for b in (t.encode() for t in texts))
    out = subprocess.run([program, "--ids"], input=data, stdout=subprocess.PIPE, check=True, env=os.environ | {"BRAINY_MODEL_DIR": folder})
    return [[int(i) for i in line.split()] for line in out.stdout.decode().split("\n")[:-1]]


def main():
    program, folder = sys.argv[1:3]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 10000
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(1 << 32)
    rng = random.Random(seed)
    encode, tokens = reference(folder)
    texts = [text(rng, tokens) for _ in range(count)]
    texts += ["a" + chr(c) + "b" for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    want, got = encode(texts), ours(program, folder, texts)
    wrong = [i for i in range(len(texts)) if i >= len(got) or got[i] != want[i]]
    for i in wrong[:10]:
        print(f"{texts[i]!r}: {got[i] if i < len(got) else None}, wanted {want[i]}")
    print(f"seed {seed}: {len(texts)} texts, {sum(map(len, want))} tokens, {len(wrong)} differ")
    return 1 if wrong or len(got) != len(texts) else 0


if __name__ == "__main__":
    sys.exit(main())
