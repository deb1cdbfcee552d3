"""A throw-away volume in a folder of its own."""
import json
import os
import subprocess
import tempfile

BRAINY = os.path.abspath("build/brainy")


def folder(name, place):
    """For `with`: a new folder in `place`, which goes at the end."""
    return tempfile.TemporaryDirectory(prefix=f"brainy-{name}.", dir=place, ignore_cleanup_errors=True)


class Volume:
    """In the folder `top`, and not mounted yet; as the thing of a `with` it is unmounted at its end."""

    def __init__(self, top, env={}):
        self.path, self.mnt, self.key = (os.path.join(top, n) for n in ("volume", "mnt", "key"))
        self.env = os.environ | env | {"HOME": top, "XDG_CONFIG_HOME": top}
        os.mkdir(self.mnt)
        self.run("init", self.path, "--key-file", self.key)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run([BRAINY, "umount", self.mnt], env=self.env, stderr=subprocess.DEVNULL)
        if os.path.ismount(self.mnt):  # a run that failed may have files open
            subprocess.run(["umount", "-l", self.mnt] if os.geteuid() == 0 else ["fusermount3", "-u", "-z", self.mnt])

    def configure(self, text):
        with open(f"{self.path}/brainy.conf", "w") as f:
            f.write(text)

    def run(self, *words):
        """What the program says."""
        return subprocess.run([BRAINY, *words], check=True, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              text=True).stdout

    def start(self, *words, **options):
        return subprocess.Popen([BRAINY, *words], env=self.env, stdin=subprocess.DEVNULL,
                                **{"stdout": subprocess.DEVNULL} | options)

    def mount(self, *options):
        """Until the mount answers."""
        self.run("mount", self.path, self.mnt, "--key-file", self.key, *options)

    def umount(self):
        self.run("umount", self.mnt)

    def ask(self, query):
        with open(f"{self.mnt}/.query/{query}", "rb") as f:
            return f.read()

    def status(self):
        return json.loads(self.run("status", self.mnt, "--json"))

    def memory_mb(self):
        return self.status()["memory"]["rss_bytes"] / 1e6

    def keeper(self):
        with open(f"{self.path}/lock") as f:
            return int(next(line.split()[1] for line in f if line.startswith("pid ")))

    def children(self):
        """Of the keeper: servers."""
        keeper = self.keeper()
        with open(f"/proc/{keeper}/task/{keeper}/children") as f:
            return [int(pid) for pid in f.read().split()]
