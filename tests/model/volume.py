"""A volume that is mounted, killed, cut, and mounted again."""
import errno, os, shutil, signal, subprocess, time

import cut


class Volume:
    def __init__(self, brainy, powercut, work):
        self.brainy, self.powercut = brainy, powercut
        self.dir, self.mnt, self.durable = f"{work}/vol", f"{work}/mnt", f"{work}/durable"
        self.log = f"{work}/log"
        self.env = dict(os.environ, HOME=work, XDG_CONFIG_HOME=f"{work}/.config", BRAINY_LOG=self.log)
        os.makedirs(self.mnt)

    def run(self, *args):
        done = subprocess.run([self.brainy, *args], env=self.env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"brainy {args[0]}: {done.returncode}: {done.stdout[-1500:]}{done.stderr}"

    def make(self, rng, checkpoint_ms=None):
        shutil.rmtree(self.dir, ignore_errors=True)
        self.run("init", self.dir)
        with open(f"{self.dir}/brainy.conf", "w") as f:
            f.write(f"[wal]\nsegment_size = 4M\ncheckpoint_ms = {checkpoint_ms or rng.choice((10, 50, 200, 2000))}\n"
                    f"no_mmap = {rng.choice(('no', 'no', 'yes'))}\n"
                    f"[tiers]\nsegment_size = 4M\nreserve = 1M\ninline_below = {rng.choice((1, 3000, 65536))}\n"
                    f"clean_below = {rng.choice((50, 80))}\nclean_ms = {rng.choice((10, 100, 1000))}\n")
        self.settle()

    def settle(self):
        """What is there now is what the next power cut begins with."""
        cut.keep_all(self.dir, self.durable)

    def cut(self, rng):
        share = cut.cut(self.dir, self.durable, rng)
        self.settle()
        return share

    def begin_mount(self):
        env = dict(self.env, LD_PRELOAD=self.powercut, POWERCUT_VOLUME=self.dir, POWERCUT_DURABLE=self.durable)
        return subprocess.Popen([self.brainy, "mount", self.dir, self.mnt], env=env, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def mount(self):
        mounting = self.begin_mount()
        said, _ = mounting.communicate(timeout=120)
        assert mounting.returncode == 0, f"brainy mount: {mounting.returncode}: {said}"

    def mount_and_kill(self, seconds):
        """Dies while it recovers, or soon after."""
        mounting = self.begin_mount()
        time.sleep(seconds)
        mounting.kill() # it may have no command line yet
        self.bury()
        mounting.communicate(timeout=120)

    def keeper(self):
        with open(f"{self.dir}/lock") as f:
            return int(f.readline().split()[1])

    def kill_server(self):
        """The keeper starts another. It has no server for a moment after one has died."""
        end = time.monotonic() + 30
        while not (servers := children(self.keeper())):
            self.must_live()
            assert time.monotonic() < end, "there is no server"
            time.sleep(0.002)
        kill(servers)

    def must_live(self):
        if not serves(self.keeper(), self.dir):
            raise OSError(errno.ENOTCONN, "the mount was killed")

    def wait(self, what):
        try:
            self.run("wait", self.mnt, "--for", what, "--timeout", "60")
        except AssertionError:
            self.must_live()
            raise

    def kill(self):
        """Keeper first, or it would start another server."""
        keeper = self.keeper()
        kill([keeper])
        kill(self.processes())

    def processes(self):
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if serves(pid, self.dir)]

    def bury(self):
        """Nothing of the mount lives afterwards."""
        end, quiet = time.monotonic() + 30, 0
        while quiet < 3: # one may be born while we look
            left = self.processes()
            assert time.monotonic() < end, f"killed processes stay: {left}"
            kill(sorted(left))
            quiet = 0 if left else quiet + 1
            time.sleep(0.002)
        while os.system(f"umount -l {self.mnt} 2>/dev/null || fusermount3 -u -z {self.mnt} 2>/dev/null") == 0:
            pass

    def umount(self):
        self.run("umount", self.mnt)

    def last_words(self):
        """The end of the log."""
        if not os.path.exists(self.log):
            return ""
        with open(self.log, errors="replace") as f:
            return "".join(f.readlines()[-20:])

    def keep(self, folder, operations):
        """Copies what is there, as Python has it: an operation a line."""
        shutil.copytree(self.dir, f"{folder}/vol")
        with open(f"{folder}/operations", "w") as f:
            f.writelines(f"{op!r}\n" for op in operations)
        if os.path.exists(self.log):
            shutil.copyfile(self.log, f"{folder}/log")

    def fsck(self):
        self.run("fsck", self.dir)


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(p) for p in f.read().split()]
    except FileNotFoundError:
        return []


def serves(pid, folder):
    """Keeper, server and whoever is about to become one of them name the volume on their command line."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            words = f.read().split(b"\0")
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX" and words[2:3] == [os.fsencode(folder)]
    except (FileNotFoundError, ProcessLookupError):
        return False
