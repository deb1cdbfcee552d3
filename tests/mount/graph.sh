# .query/graph as other programs read it: Graphviz, XML and JSON readers get the files and links that there are, whatever
# the files are called; operations say what they say in each format; a verb and its inverse are one link.
. "$(dirname "$0")/lib.sh"
start
cat >"$work/graph.py" <<'PY'
import json, os, shutil, subprocess, sys, urllib.parse, xml.etree.ElementTree as xml
from checks import same
top = os.fsencode(sys.argv[1])
names = [b'plain.md', b'with "quotes" and \'others\'.md', b'new\nline and\ttab', b'back\\slash \\N \\n.md', b'<tag> & &amp; &#65; ]]>.md',
         b'not \xff\xfe utf-8 \xc3.md', b'control\x01\x1b\x7f\r.md', b'-dash', b'%41%2F', 'größe 日本 🙂.md'.encode(), b'{x|y}', b'digraph;#']
links = [(k, (k * 5 + 1) % len(names), verb) for k in range(len(names)) for verb in ("cites", "knows")[: 1 + k % 2]]
os.mkdir(top + b"/g")
for name in names:
    with open(top + b"/g/" + name, "wb") as f:
        f.write(b"text\n")
encoded = lambda name: b"g/" + b"".join(b"%%%02X" % c if c < 32 or c in b"%\x7f" else bytes([c]) for c in name)
for k in range(len(names)):
    for verb in {v for f, _, v in links if f == k}:
        targets = [encoded(names[t]) for f, t, v in links if f == k and v == verb]
        os.setxattr(top + b"/g/" + names[k], f"user.brainy.link.{verb}", b"\n".join(targets))
ids = {str(os.stat(top + b"/g/" + name).st_ino): name for name in names}
number = {name: ino for ino, name in ids.items()}
want_edges = sorted((number[names[f]], number[names[t]], v) for f, t, v in links)

def read(query):
    with open(top + b"/.query/graph?" + query.encode(), "rb") as f:
        return f.read()

def shown(name, xml_clean=True):
    """As UTF-8, what is none and, but in JSON, control characters as U+FFFD."""
    text = (b"g/" + name).decode("utf-8", "replace")
    return "".join("\ufffd" if xml_clean and c < " " and c not in "\n\t" else c for c in text)

# JSON
whole = json.loads(read("format=json"))
same({n["id"]: n["label"] for n in whole["nodes"]}, {i: shown(n, False) for i, n in ids.items()}, "json nodes")
same(sorted((e["source"], e["target"], e["verb"]) for e in whole["edges"]), want_edges, "json edges")
degrees = {n["id"]: (n["in_degree"], n["out_degree"]) for n in whole["nodes"]}

# GraphML: expat, and libxml2's own program where it is installed
text = read("format=graphml")
space = "{http://graphml.graphdrawing.org/xmlns}"
tree = xml.fromstring(text)
data = lambda e, key: next((d.text or "" for d in e.iter(space + "data") if d.get("key") == key), None)
same({n.get("id"): data(n, "label") for n in tree.iter(space + "node")}, {i: shown(n) for i, n in ids.items()}, "graphml nodes")
same(sorted((e.get("source"), e.get("target"), data(e, "verb")) for e in tree.iter(space + "edge")), want_edges, "graphml edges")
same({n.get("id"): (int(data(n, "in_degree")), int(data(n, "out_degree"))) for n in tree.iter(space + "node")}, degrees, "graphml degrees")
if shutil.which("xmllint"):
    subprocess.run(["xmllint", "--noout", "-"], input=text, check=True)

# Dot, as Graphviz reads it
text = read("format=dot")
if shutil.which("dot"):
    run = lambda kind, what: subprocess.run(["dot", kind], input=what, check=True, capture_output=True)
    drawn = run("-Tjson0", text)
    assert not drawn.stderr, drawn.stderr
    graph = json.loads(drawn.stdout)
    nodes = {o["_gvid"]: o["name"] for o in graph["objects"]}
    same(sorted(nodes.values()), sorted(ids), "dot nodes")
    same(sorted((nodes[e["tail"]], nodes[e["head"]], e["label"]) for e in graph["edges"]), want_edges, "dot edges")
    # What is drawn: escapes and entities are resolved, lines stand below each other.
    svg = xml.fromstring(run("-Tsvg", text).stdout)
    of = "{http://www.w3.org/2000/svg}"
    blank = lambda t: " ".join(t.replace("\xa0", " ").split())
    for g in svg.iter(of + "g"):
        if g.get("class") == "node":
            lines = [t.text or "" for t in g.iter(of + "text")]
            same(blank(" ".join(lines)), blank(shown(ids[g.find(of + "title").text])), "a label that is drawn")
else:
    print("no Graphviz: the dot format was not read back")

# Operations in each format.
for op, field in ("pagerank", "pagerank"), ("components", "component"), ("communities", "community"):
    lines = [l.split(b"\t", 1) for l in read(f"op={op}").split(b"\n") if l]
    by_json = {n["label"]: n[field] for n in json.loads(read(f"op={op}&format=json"))["nodes"]}
    by_xml = {data(n, "label"): float(data(n, field)) for n in xml.fromstring(read(f"op={op}&format=graphml")).iter(space + "node")}
    same(len(lines), len(names), op)
    same(sorted(by_xml.values()), sorted(map(float, by_json.values())), op)
    same(sorted(float(v) for v, _ in lines), sorted(map(float, by_json.values())), op + " as tsv")
    assert abs(sum(by_json.values()) - 1) < 1e-6 or op != "pagerank", by_json
    assert f'{field}="'.encode() in read(f"op={op}&format=dot")
lines = read("op=degree").split(b"\n")
assert b"\tg/new\\nline and\\ttab" in b"\n".join(lines) and b"\\\\slash" in b"\n".join(lines), lines

# Part of it, and nothing of it.
part = json.loads(read("format=json&verb=knows"))
same(sorted({e["verb"] for e in part["edges"]}), ["knows"], "one verb")
part = json.loads(read("format=json&q=" + urllib.parse.quote("name:*.md", safe=":*")))
same({n["id"] for n in part["nodes"]}, {i for i, n in ids.items() if n.endswith(b".md")}, "a part's nodes")
for kind in "json", "graphml", "dot":
    empty = read(f"format={kind}&verb=nobody")
    assert b"label=" not in empty.replace(b'"label"', b"") and len(empty) > 10, empty
    if kind == "dot" and shutil.which("dot"):
        subprocess.run(["dot", "-Tcanon"], input=empty, check=True, capture_output=True)

# From both ends it is one link, stays what was said, and is found from either.
for name, verb, target in (b"one", "cites", b"two"), (b"two", "citedBy", b"one"), (b"one", "contradicts", b"two"), (b"two", "contradicts", b"one"):
    for file in name, target:
        open(top + b"/" + file, "ab").close()
    os.setxattr(top + b"/" + name, "user.brainy.link." + verb, target)
same(os.getxattr(top + b"/two", "user.brainy.link.citedBy"), b"one", "what was said")
one, two = (str(os.stat(top + b"/" + n).st_ino) for n in (b"one", b"two"))
got = json.loads(read("format=json&q=" + urllib.parse.quote("-path:g", safe=":")))
same(sorted((e["source"], e["target"], e["verb"]) for e in got["edges"]), sorted([(one, two, "cites"), (one, two, "contradicts")]), "both ends")
related = lambda keys: open(top + b"/.query/related?format=paths&" + keys.encode()).read().split()
same(related("to=two&verb=citedBy&dir=out"), ["one"], "citedBy")
os.removexattr(top + b"/two", "user.brainy.link.citedBy")
same(related("to=two&verb=citedBy&dir=out"), ["one"], "citedBy that is not said")
same(related("to=one&verb=citedBy&dir=out"), [], "citedBy of one")
PY
run() { timeout 100 python3 "$work/graph.py" "$mnt" || fail "graph"; }
run
