#!/usr/bin/env python3
"""collection.py DIR - a small collection for the pictures of the documentation: notes that name each other, photographs (drawn
here), papers, letters, a table; tagged. Needs rsvg-convert and convert."""
import math
import os
import random
import subprocess
import sys

# Of each picture: sky above and below, sea above and below, where its sun stands and how large it is, what stands on the shore.
SCENES = {
    "Harbour at dawn": ("#2b3a67", "#f7b267", "#56618f", "#1d2947", (700, 470, 70), "boats"),
    "Skerrow light": ("#0f1e3d", "#c8553d", "#3c2f52", "#101a30", (250, 480, 90), "lighthouse"),
    "Ebb tide": ("#8ecae6", "#fdf0d5", "#669bbc", "#2a6f97", (780, 180, 60), "sands"),
    "Winter swell": ("#6c7a89", "#dfe6e9", "#4b6584", "#1e3046", (480, 200, 0), "waves"),
    "North bay": ("#1b9aaa", "#f8f4e3", "#06a77d", "#04506b", (200, 200, 80), "hills"),
    "Gannets": ("#a9d6e5", "#ffffff", "#468faf", "#013a63", (820, 160, 50), "birds"),
}
NOTES = {
    "Lighthouse": ("history",
        "The light on Skerrow was lit in 1851. Its [[Lamp oil]] came by [[Ferry]], its [[Keepers]] "
        "stayed for three years. The [[Storm of 1882]] took the gallery."),
    "Keepers": ("people", "Four families, and what they wrote: [[Logbook]], letters, [[Gannet count]]."),
    "Lamp oil": ("", "Colza, then paraffin. Bought in the harbour, see [[Harbour]]."),
    "Storm of 1882": ("history",
        "The [[Breeches buoy]] saved nine of the brig *Anna*. The [[Keepers]] wrote it down in the "
        "[[Logbook]]; the [[Tides]] were springs."),
    "Breeches buoy": ("history, rescue",
        "A ring, a rope, a rocket. How the [[Rope work]] is done, and by whom: [[Lifeboat]]."),
    "Lifeboat": ("boats, rescue", "Kept in the [[Harbour]]. [[Boat repair]] every spring."),
    "Tides": ("",
        "Springs and neaps in the sound: the [Tide tables](<../papers/Tide tables 2026.pdf>), and "
        "what the [[Ferry]] makes of them."),
    "Ferry": ("boats", "Leaves the [[Harbour]] two hours before high water, see [[Tides]]."),
    "Harbour": ("", "The mole, the slip, the oil store. ![[Harbour at dawn.jpg]]"),
    "Boat repair": ("boats", "Planks, caulking, [[Rope work]]."),
    "Rope work": ("boats", "Splices, and the hawser of the [[Breeches buoy]]."),
    "Gannet count": ("birds",
        "Each June from the gallery of the [[Lighthouse]]. ![[Gannets.jpg]] Counts in [the "
        "table](<../papers/Counts.csv>)."),
    "Logbook": ("history", "Kept in the [[Lighthouse]] from 1851 to 1964. Wind, [[Tides]], passing ships."),
}
ON_LAND = {"Lamp oil", "Keepers", "Boat repair", "Rope work", "Harbour", "Logbook", "Ferry", "Lifeboat", "Tides"}
TAGS = {
    "photos/Harbour at dawn.jpg": "sea,photos,boats", "photos/Skerrow light.jpg": "sea,photos,history",
    "photos/Ebb tide.jpg": "sea,photos", "photos/Winter swell.jpg": "sea,photos", "photos/North bay.jpg": "photos",
    "photos/Gannets.jpg": "sea,photos,birds", "papers/Tide tables 2026.pdf": "sea", "papers/Counts.csv": "birds",
    "papers/Wind and waves.csv": "sea", "letters/To the harbour board.odt": "sea,boats",
}
LINKS = [("notes/Storm of 1882.md", "cites", "notes/Logbook.md"), ("notes/Ferry.md", "dependsOn", "papers/Tide tables 2026.pdf"),
         ("notes/Breeches buoy.md", "partOf", "notes/Lifeboat.md"), ("photos/Skerrow light.jpg", "shows", "notes/Lighthouse.md")]


def wave(y, height, length, rng):
    shift = rng.uniform(0, 6.3)
    points = [(x, y + height * math.sin(x / length + shift) + rng.uniform(-1, 1)) for x in range(-10, 980, 10)]
    return "M-10 730 " + " ".join(f"L{x} {v:.1f}" for x, v in points) + " L970 730 Z"


def shore(kind, rng):
    if kind == "lighthouse":
        yield '<path d="M560 545 Q700 470 980 500 V560 H540 Z" fill="#0b1426"/>'
        yield '<path d="M716 500 L726 250 H774 L784 500 Z" fill="#f5ede0"/>'
        yield '<path d="M722 350 L720 410 H780 L778 350 Z" fill="#c1121f"/>'
        yield '<path d="M720 250 H780 V240 H720 Z M728 240 V200 H772 V240 Z M724 200 L750 170 L776 200 Z" fill="#16213a"/>'
        yield '<path d="M730 220 L0 120 V260 Z" fill="#ffe8a3" opacity=".35"/><circle cx="750" cy="221" r="14" fill="#fff3c4"/>'
    if kind == "boats":
        for x, size in ((180, 1.5), (430, 1), (800, 1.2)):
            yield (f'<g transform="translate({x} 590) scale({size})"><path d="M-60 0 H60 L40 26 H-44 Z" fill="#11182b"/>'
                   '<path d="M0 -6 V-120 L52 -16 Z" fill="#f8ead4"/><path d="M-6 -10 V-96 L-44 -14 Z" fill="#e07a5f"/></g>')
    if kind == "birds":
        for _ in range(16):
            x, y, s = rng.uniform(60, 900), rng.uniform(80, 430), rng.uniform(.5, 1.6)
            yield (f'<path transform="translate({x:.0f} {y:.0f}) scale({s:.2f})" d="M-40 -12 Q-16 -20 0 4 Q16 -20 40 -12" '
                   'fill="none" stroke="#1d3557" stroke-width="6" stroke-linecap="round"/>')
    if kind == "hills":
        for y, color in ((470, "#7fb069"), (500, "#4f772d"), (535, "#31572c")):
            yield f'<path d="{wave(y, 45, rng.uniform(90, 160), rng)}" fill="{color}"/>'
    if kind == "sands":
        yield f'<path d="{wave(640, 14, 140, rng)}" fill="#e9c46a"/><path d="{wave(675, 10, 90, rng)}" fill="#dda15e"/>'


def scene(name):
    above, below, near, deep, (x, y, radius), kind = SCENES[name]
    rng = random.Random(name)
    swell = 26 if kind == "waves" else 7
    sea = "".join(f'<path d="{wave(545 + 38 * i, swell * (1 + i / 3), 60 + 25 * i, rng)}" fill="url(#sea)" opacity=".55"/>'
                  for i in range(5))
    land = "".join(shore(kind, rng))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="960" height="720">{gradient("sky", above, below)}'
            f'{gradient("sea", near, deep)}<rect width="960" height="720" fill="url(#sky)"/>'
            f'<circle cx="{x}" cy="{y}" r="{radius}" fill="#fff4d6" opacity=".9"/>'
            + (land + sea if kind == "hills" else sea + land) + "</svg>")


def gradient(name, first, last):
    return (f'<linearGradient id="{name}" x2="0" y2="1"><stop stop-color="{first}"/>'
            f'<stop offset="1" stop-color="{last}"/></linearGradient>')


def tables():
    rng = random.Random(2026)
    columns = ((60, lambda day: f"{day + 1:2}  June"), (190, lambda day: f"{day * 49 // 60 % 12:02}:{day * 49 % 60:02}"),
               (290, lambda day: f"{rng.uniform(4, 6):.1f} m"), (400, lambda day: f"{12 + day * 50 // 60 % 12}:{day * 50 % 60:02}"),
               (500, lambda day: f"{rng.uniform(4, 6):.1f} m"))
    days = "".join(f'<text x="{x}" y="{190 + 24 * day}">{text(day)}</text>' for day in range(25) for x, text in columns)
    return ('<svg xmlns="http://www.w3.org/2000/svg" width="595" height="842" font-family="DejaVu Sans" font-size="15">'
            '<rect width="595" height="842" fill="white"/><rect width="595" height="120" fill="#14456b"/>'
            f'<text x="56" y="76" font-size="38" fill="white">Tide tables 2026</text>{days}</svg>')


def run(data, *command):
    return subprocess.run(command, input=data, check=True, stdout=subprocess.PIPE).stdout


def main():
    os.chdir(sys.argv[1])
    for folder in ("photos", "notes", "papers", "letters"):
        os.mkdir(folder)
    for name in SCENES:
        run(run(scene(name).encode(), "rsvg-convert"), "convert", "png:-", "-quality", "90", f"photos/{name}.jpg")
    run(tables().encode(), "rsvg-convert", "-f", "pdf", "-o", "papers/Tide tables 2026.pdf")
    for name, (tags, text) in NOTES.items():
        tags = ", ".join(filter(None, [tags, "" if name in ON_LAND else "sea"]))
        with open(f"notes/{name}.md", "w", encoding="utf-8") as f:
            f.write(f"---\ntags: [{tags}]\n---\n# {name}\n\n{text}\n")
    for name in ("Wind and waves", "Counts"):
        with open(f"papers/{name}.csv", "w", encoding="utf-8") as f:
            f.write("day,value\n" + "".join(f"2026-06-{d:02},{d * 7 % 11}\n" for d in range(1, 31)))
    with open("letters/To the harbour board.odt", "wb") as f:
        subprocess.run(["python3", "-c", ODT], stdout=f, check=True)
    for path, tags in TAGS.items():
        os.setxattr(path, "user.xdg.tags", tags.encode())
    for path, verb, target in LINKS:
        os.setxattr(path, f"user.brainy.link.{verb}", target.encode())


ODT = """
import sys, zipfile
with zipfile.ZipFile(sys.stdout.buffer, "w") as z:
    z.writestr("mimetype", "application/vnd.oasis.opendocument.text")
    z.writestr("content.xml", '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:text><text:p>The slip needs mending.</text:p>'
        '</office:text></office:body></office:document-content>')
"""

if __name__ == "__main__":
    main()
