# Nonsense to every query file, by name and by ask: a clear error for each, an answer to what makes sense, and the same server
# at the end.
. "$(dirname "$0")/lib.sh"
start
mkdir "$mnt/d"
printf '%s\n' '---' 'author: Ann' 'cites: "[[two]]"' '---' 'the sea and the wind' >"$mnt/one.md"
echo 'the wind' >"$mnt/d/two.md"
: >"$mnt/empty"
"$brainy" wait "$mnt" --for index || fail "wait"
before=$(server)
cat >"$work/nonsense.py" <<'PY'
import errno, os, random, sys, time
top = sys.argv[1].encode()
seed = random.randrange(1 << 32)
print("seed", seed)
random.seed(seed)
verbs = [b"find?", b"explain?", b"similar?", b"count?", b"related?", b"path?", b"graph?", b"duplicates?"]
needs = {b"find?": b"q=sea", b"explain?": b"q=sea", b"similar?": b"to=one.md", b"count?": b"by=tag", b"related?": b"to=one.md",
         b"path?": b"from=one.md&to=d%2Ftwo.md", b"graph?": b"", b"duplicates?": b""}
limit = os.pathconf(top, "PC_NAME_MAX")

def last_error():
    with open(top + b"/.query/last-error", "rb") as f:
        return f.read()

def by_name(query):
    try:
        with open(top + b"/.query/" + query, "rb") as f:
            f.read()
        return 0
    except OSError as e:
        return e.errno

def by_ask(query, pieces=1):
    fd = os.open(top + b"/.query/ask", os.O_RDWR)
    try:
        step = max(1, len(query) // pieces + 1)
        for at in range(0, len(query), step):
            os.write(fd, query[at:at + step])
        os.write(fd, b"\n")
        while os.read(fd, 1 << 20):
            pass
        return 0
    except OSError as e:
        return e.errno
    finally:
        os.close(fd)

def refused(query, how=(by_name, by_ask)):
    for way in how:
        got = way(query)
        assert got == errno.EINVAL, f"{way.__name__} {query[:200]!r}: {errno.errorcode.get(got, got)}"
        why = last_error()
        assert 10 < len(why) < 2000, f"{query[:200]!r}: {why[:3000]!r}"

def answered(query, how=(by_name, by_ask)):
    for way in how:
        got = way(query)
        assert got == 0, f"{way.__name__} {query[:200]!r}: {errno.errorcode.get(got, got)}: {last_error()[:300]!r}"

for verb in verbs:
    whole = verb + needs[verb]
    answered(whole)
    answered(whole + b"&&&")
    if needs[verb]:
        refused(verb)
    for rest in (b"&limit=-1", b"&limit=1e3", b"&limit=99999999999999999999", b"&limit=", b"&offset=-5", b"&offset=4294967296", b"&depth=33",
                 b"&depth=-1", b"&wait=3600001", b"&format=clay", b"&nothing=1", b"&", b"&q", b"&q=\"open", b"&q=tag:", b"&q=pages:3..",
                 b"&q=size:9..1", b"&q=after:soon", b"&q=%00", b"&%00=1", b"&mode=psychic", b"&alpha=2", b"&threshold=nan", b"&dir=up",
                 b"&verb=", b"&verb=,", b"&weights=x", b"&op=guess", b"&kind=odd", b"&q=related:nowhere", b"&in=nowhere", b"&literal=2",
                 b"&sort=upwards", b"&paths=none", b"&from=nowhere", b"&to=nowhere"):
        if rest != b"&":
            refused(whole + rest)
    # Names are as long as the kernel lets them be; through ask a query may have a megabyte.
    assert by_name(whole + b"&q=" + b"x" * 65536) == errno.ENAMETOOLONG
    long = b"sea " * 16384 if needs[verb] and verb not in (b"path?",) else b""
    if long:
        answered(whole + b"&q=" + long, (by_ask,))
    refused(whole + b"&q=" + b" ".join(b"w%d" % k for k in range(150000)) if verb != b"path?" else whole + b"&q=x", (by_ask,))
    refused(whole + b"&" + b"k" * 65536 + b"=1", (by_ask,))
    refused(whole + b"&limit=" + b"9" * 65536, (by_ask,))
    refused(whole + b"&in=" + b"a/" * 32768, (by_ask,))
    refused(whole[:-1] + b"\0" + whole[-1:], (by_ask,))
    assert by_ask(whole + b"&q=" + b"x" * (1 << 20), 8) == errno.EFBIG, "more than a megabyte"
    assert by_ask(whole + b"&wait=0", len(whole) + 7) == 0, "byte by byte"
for name in b"find", b"seek?q=a", b"?", b"find!q=a", b"\xff\xfe", b"related", b"FIND?q=a":
    assert by_name(name) == errno.ENOENT, name
    refused(name, (by_ask,))
refused(b"", (by_ask,))
refused(b"find?q=" + b"a:b " * 20000, (by_ask,))
refused(b"similar?" + b"to=one.md&" * 2000, (by_ask,))
started = time.monotonic()
answered(b"find?literal=1&q=" + b"x" * (1 << 19), (by_ask,))
answered(b"find?q=name:" + b"*a" * 100000, (by_ask,))
assert time.monotonic() - started < 5, "that took long"

# Whatever bytes: an answer or an error that is known, never another end.
known = {0, errno.EINVAL, errno.ENOENT, errno.ENAMETOOLONG}
alphabet = b"find?explain=similar&count%relatdph.qtobymvw0123456789-:\"<>*[] \xff\x01\xc3\xa9"
for _ in range(600):
    verb = random.choice(verbs)
    text = verb + needs[verb] + b"&" + bytes(random.choice(alphabet) for _ in range(random.randrange(1, 200)))
    at = random.randrange(len(text))
    text = text[:at] + bytes([random.randrange(1, 256)]) + text[at + 1:]
    got = by_ask(text.replace(b"\n", b" "))
    assert got in known, f"{text!r}: {errno.errorcode.get(got, got)}"
    if b"/" not in text and len(text) < limit:
        got = by_name(text)
        assert got in known, f"{text!r}: {errno.errorcode.get(got, got)}"
assert by_name(b"find?q=sea") == 0
PY
timeout 100 python3 "$work/nonsense.py" "$mnt" || fail "nonsense"
expect "$before" server
