"""completion.py SHELL EXAMPLES HOME - types command lines into a real shell, with tabs, and sees what `brainy` is called with."""
import os
import pty
import select
import subprocess
import sys
import time

shell, examples, home = sys.argv[1:]
out = f"{home}/called"
START = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source {c}/brainy.bash; complete -o default -F _brainy_paths record"),
    "zsh": (["zsh", "-f", "-i"], "fpath=({c} $fpath); autoload -Uz compinit; compinit -u -D; unsetopt listbeep;"
            "zstyle ':completion:*' completer _brainy_paths _complete"),
    "fish": (["fish", "--no-config", "-i"], "source {c}/brainy.fish; complete -c record -n __brainy_asks -f "
             "-a '(__brainy_offer --path (__brainy_word))'"),
}
RECORD = {
    "bash": "{n}() {{ printf '%s\\n' \"$@\" >{o}.new; mv {o}.new {o}; }}",
    "fish": "function {n}; printf '%s\\n' $argv >{o}.new; mv {o}.new {o}; end",
}
# What is typed (a tab is a tab), and the arguments that then come.
ROWS = [
    ("brainy ta\tls no\triv\t", ["tag", "ls", "notes/river.txt"]),
    ("brainy tag a\twa\tnotes/l\t", ["tag", "add", "water", "notes/lake.txt"]),
    ("brainy tag add sal\tx", ["tag", "add", "salt marsh", "x"]),
    ("brainy tag add new\tx", ["tag", "add", "new-one", "x"]),
    ("brainy find --f\tjsonl --m\tv\ttag:wa\twords", ["find", "--format", "jsonl", "--mode", "vector", "tag:water", "words"]),
    ("brainy find -ta\twa\t", ["find", "-tag:water"]),
    ("brainy find 'tag:\"sal\t", ["find", 'tag:"salt marsh"']),
    ("brainy find ty\ttext/p\t", ["find", "type:text/plain"]),
    ("brainy follow aut\tAda\t", ["follow", "author:Ada"]),
    ("brainy link add dep\tx y", ["link", "add", "dependsOn", "x", "y"]),
    ("brainy wait . --for=ti\t", ["wait", ".", "--for=tiers"]),
    ("brainy import notes . --ov\t--dr\t", ["import", "notes", ".", "--overwrite", "--dry-run"]),
    ("brainy cold at\t--ad\tv\ts3\tx", ["cold", "attach", "--addressing", "virtual", "s3://x"]),
    ("brainy tier notes co\t", ["tier", "notes", "cold"]),
    ("brainy tier st\t.", ["tier", "status", "."]),
    ("record .query/fi\triver\\&form\tjsonl\t", [".query/find?q=river&format=jsonl"]),
    ("record .query/grap\t", [".query/graph"]),
]


class Shell:
    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="dumb", PS1="$ ", HOME=home, HISTFILE="/dev/null")
            argv = START[shell][0]
            os.execvp(argv[0], argv)
        self.said, self.rest = b"", 0.15

    def read(self, seconds):
        if select.select([self.fd], [], [], seconds)[0]:
            self.said += os.read(self.fd, 65536)

    def type(self, text):
        """With a rest after each tab: a shell that has more to read may take it for pasted text."""
        for part in text.replace("\t", "\t\0").split("\0"):
            os.write(self.fd, part.encode())
            end = time.monotonic() + (self.rest if part.endswith("\t") else 0)
            while time.monotonic() < end:
                self.read(0.02)

    def call(self, text, seconds=10):
        """The arguments of the call that this line makes."""
        if os.path.exists(out):
            os.unlink(out)
        self.type(text + "\n")
        end = time.monotonic() + seconds
        while not os.path.exists(out) and time.monotonic() < end:
            self.read(0.02)
        if not os.path.exists(out):
            self.fail(f"{text!r} calls nothing")
        with open(out, encoding="utf-8") as f:
            return f.read().splitlines()

    def fail(self, why):
        sys.exit(f"{shell}: {why}; it said: {self.said.decode(errors='replace')[-1500:]}")


s = Shell()
s.type(START[shell][1].format(c=f"{examples}/completions") + "\n")
for name in ("brainy", "record"):
    s.type(RECORD.get(shell, RECORD["bash"]).format(n=name, o=out) + "\n")
if s.call("record ready", 30) != ["ready"]:
    s.fail("it does not start")
for typed, wanted in ROWS:
    got = s.call(typed)
    if got != wanted:
        s.rest = 1  # the machine may have been too busy for it
        got = s.call(typed)
        s.rest = 0.15
    if got != wanted:
        s.fail(f"{typed!r} became {got}, not {wanted}")
os.close(s.fd)
os.waitpid(s.pid, 0)
