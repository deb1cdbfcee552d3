#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes index/embed/unicode_table.c: what BERT's normaliser and splitter make of every code point.

usage: unicode_tables.py > index/embed/unicode_table.c     (needs `tokenizers` from PyPI)

The reference mixes several Unicode versions (one for categories, one for decomposition, Rust's for lower
case), so no single version's data gives its answers: they are asked of the reference itself, one code
point at a time. Hangul syllables are left out, arithmetic decomposes them.
"""
import sys

import tokenizers
from tokenizers import normalizers, pre_tokenizers

NORMALISE = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=True, lowercase=True)
SPLIT = pre_tokenizers.BertPreTokenizer()
PAGE = 128
WORD, SPACE, DROP, ALONE, HANGUL, MAPPED = range(6)  # as enum unicode_class; mapped code points count on from MAPPED


def split_class(c):
    """How the splitter treats one normalised character."""
    pieces = tuple(p for p, _ in SPLIT.pre_tokenize_str("a" + c + "a"))
    return {("a" + c + "a",): WORD, ("a", "a"): SPACE, ("a", c, "a"): ALONE}[pieces]


def outcome(cp):
    """(class, characters it becomes): each character with whether it stands alone."""
    if 0xD800 <= cp < 0xE000:
        return DROP, ()
    c = chr(cp)
    n = NORMALISE.normalize_str(c)
    if n == "":
        return DROP, ()
    if n == " ":
        return SPACE, ()
    if 0xAC00 <= cp <= 0xD7A3:
        return HANGUL, ()
    if len(n) == 3 and n[0] == n[2] == " ":  # CJK: blanks on both sides
        return (ALONE, ()) if n[1] == c else (MAPPED, ((n[1], ALONE),))
    if n == c:
        return split_class(c), ()
    return MAPPED, tuple((x, split_class(x)) for x in n)


def main():
    table, maps, pool, index = [], [], [], {}
    for cp in range(0x110000):
        kind, chars = outcome(cp)
        if kind == MAPPED:
            if chars not in index:
                index[chars] = len(maps)
                maps.append((len(pool), len(chars)))
                pool += chars
            kind += index[chars]
        table.append(kind)
    pages, order = {}, []
    for at in range(0, len(table), PAGE):
        order.append(pages.setdefault(tuple(table[at:at + PAGE]), len(pages)))
    assert len(pages) < 65536 and MAPPED + len(maps) < 65536
    emit(order, pages, maps, pool)


def numbers(name, kind, values):
    print(f"\nconst {kind} {name}[] = {{")
    for at in range(0, len(values), 16):
        print("\t" + ", ".join(map(str, values[at:at + 16])) + ",")
    print("};")


def emit(order, pages, maps, pool):
    print("/* SPDX-License-Identifier: MIT */")
    print("/* Made by tools/unicode_tables.py from the behaviour of PyPI's tokenizers "
          f"{tokenizers.__version__}. Do not edit. */")
    print("/* clang-format off */")
    print('#include "index/embed/unicode.h"')
    numbers("unicode_pages", "uint16_t", order)
    numbers("unicode_classes", "uint16_t", [v for page in pages for v in page])
    numbers("unicode_map_starts", "uint16_t", [start for start, _ in maps] + [len(pool)])
    numbers("unicode_map_pool", "uint32_t", [ord(c) | (0x80000000 if kind == ALONE else 0) for c, kind in pool])
    print(f"{len(pages)} pages, {len(maps)} maps", file=sys.stderr)


if __name__ == "__main__":
    main()
