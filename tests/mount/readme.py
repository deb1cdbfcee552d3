"""readme.py README HOME - runs the commands that the README shows, in their order and in one shell, and compares what it shows below
them. Figures of memory and time may differ."""
import os
import re
import subprocess
import sys

readme, home = sys.argv[1:]
SKIPPED = re.compile(r"sh (examples/quickstart|tests/run)\.sh")
# What the README takes for granted: files of other people, a bucket, a terminal that is left with Ctrl-C.
BEFORE = {
    "What you will see": "",
    "Folders that are questions": r"""
        brainy mount ~/volume ~/mnt; mkdir -p ~/mnt/.tags/project ~/mnt/.tags/project/alpha ~/Documents; echo x >~/Documents/letter.txt
        echo x >~/mnt/paper.md; setfattr -n user.xdg.tags -v project/alpha ~/mnt/paper.md; setfattr -n user.author -v Smith ~/mnt/paper.md
        touch -d 2026-11-05 ~/mnt/paper.md; cp "$TESTS/../assets/documents/ferries.pdf" ~/mnt/; mkdir ~/mnt/.tags/draft; brainy wait ~/mnt""",
    "Hot, warm, cold": "cd; mkdir -p ~/mnt/scans/2024 ~/bucket; echo x >~/mnt/scans/2024/page.txt",
}
INSTEAD = [("--endpoint https://s3.example.org s3://ada-archive/volume", f"file://{home}/bucket"),
           ("brainy follow", "timeout -s INT 1 brainy follow")]
UNSURE = re.compile(r"passphrase|^Again:|^volume .* made|^recovery key|^key file", re.I)


def blocks(text):
    """Heading and commands, each with the lines below it, of every block of commands."""
    for heading, body in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", text, re.M | re.S):
        for block in re.findall(r"^```\n(\$ .*?)^```", body, re.M | re.S):
            commands = re.findall(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", block, re.M)
            yield heading, [c for c in commands if not SKIPPED.match(c[0])]


def plain(text):
    text = re.sub(r"/\S*/home/|/home/ada", "~", text.replace(home, "~"))
    return [re.sub(r"[\d.]+ MB; up \d+ s", "N MB; up N s", line) for line in text.splitlines() if not UNSURE.search(line)]


def run(commands):
    """Output and status of each, in one shell."""
    script = "".join(f"\n{command}\nprintf '\\001%d\\002' $?\n" for command in commands)
    done = subprocess.run(["bash", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True)
    return re.findall("(.*?)\001(\\d+)\002", done.stdout.decode(), re.S)


with open(readme, encoding="utf-8") as f:
    shown = list(blocks(f.read()))
commands, wanted = [], []
before = dict(BEFORE)
for heading, block in shown:
    commands.append(before.pop(heading, ""))
    wanted.append(None)
    for command, below in block:
        for old, new in INSTEAD:
            command = command.replace(old, new)
        commands.append(command)
        wanted.append(below)
assert not before, f"the README has no commands below {list(before)}"
failed = 0
results = run(commands)
assert len(results) == len(commands), results[-1:]
for command, below, (got, status) in zip(commands, wanted, results):
    good = status == "0" or (status == "124" and "timeout" in command)
    if good and below and plain(below):
        good = plain(got) == plain(below)
    if not good:
        failed += 1
        print(f"$ {command}\n[{status}] {got}-- the README shows:\n{below}")
print(f"{len(commands)} commands of the README, {failed} are not as it says")
sys.exit(failed > 0)
