"""What tiers.py works on: a volume, mounted, its bucket, and what both say of themselves."""
import glob
import os
import re
import subprocess
import time

from volume import Volume

S3_SERVER = os.path.abspath("tests/s3/server.sh")
DAY = 86400
FAR_DAY = time.strftime("%a", time.gmtime(time.time() + 3 * DAY))
# Nothing but what is measured: no indexing, no round of the mover by itself, no scrubbing, no merging of small packs.
CONFIG = f"[index]\nexclude = *\n[tiers]\nwindow_timezone = UTC\nwindow = {FAR_DAY} 00:00-00:01\nscrub_days = never\npack_merge_below = 1\ncapacity_high = 99\n"


def drop(path):
    """Out of the kernel's cache."""
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


class Bucket:
    """An S3 server of our own; `why` says why there is none."""

    def __init__(self, top):
        self.place, self.why, self.env = os.path.join(top, "s3"), None, {}
        done = subprocess.run(["sh", S3_SERVER, "start", self.place], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            self.why = done.stderr.strip().splitlines()[-1]
        else:
            self.env = dict(re.findall(r"(\w+)=(\S+)", done.stdout))

    def config(self):
        if self.why:
            return ""
        return (f"[cold]\nurl = s3://{self.env['S3_BUCKET']}/bench\nendpoint = {self.env['S3_ENDPOINT']}\n"
                f"region = {self.env['AWS_REGION']}\n")

    def objects(self):
        """{url: size} of the packs; a server that keeps objects as files is asked for them by looking."""
        found = {}
        for path in glob.glob(f"{self.place}/data/{self.env['S3_BUCKET']}/bench/packs/*"):
            found[f"{self.env['S3_ENDPOINT']}/{self.env['S3_BUCKET']}/bench/packs/{os.path.basename(path)}"] = os.path.getsize(path)
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["sh", S3_SERVER, "stop", self.place])


class TieredVolume(Volume):
    def __init__(self, top, bucket):
        super().__init__(top, bucket.env)
        self.configure(CONFIG + bucket.config())

    def mount(self):
        super().mount()
        time.sleep(1)  # what a mount does after it answers

    def again(self):
        """With nothing in the caches of kernel and server; nor what was fetched from the bucket."""
        self.umount()
        self.mount()

    def server(self):
        return next(p for p in self.children() if open(f"/proc/{p}/comm").read().strip() == "brainy-server")

    def cpu(self):
        """Processor seconds of the server so far."""
        return time.clock_gettime((~self.server() << 3) | 2)  # CPUCLOCK_SCHED of that process

    def settle(self):
        """Until the log, and what it puts off, is empty."""
        os.sync()
        self.run("wait", self.mnt, "--for", "durable")
        time.sleep(2.5)

    def write(self, name, data, days=0):
        """A file that was used last so many days ago."""
        path = f"{self.mnt}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
        then = time.time() - days * DAY
        os.utime(path, (then, then))
        return path

    def tiers(self):
        return self.status()["tiers"]

    def recalled(self):
        """(GET requests, bytes) of reads so far."""
        with open(f"{self.mnt}/.brainy/metrics") as f:
            said = f.read()
        return tuple(int(re.search(re.escape(name) + r" (\d+)", said)[1]) for name in (
            'brainy_bucket_requests_total{cause="recall",op="get"}', 'brainy_bucket_bytes_total{cause="recall",way="down"}'))

    def drop_packs(self):
        for path in glob.glob(f"{self.path}/warm/*"):
            drop(path)

    def warm_bytes(self):
        """As `du --apparent-size` counts them."""
        return sum(os.path.getsize(p) for p in glob.glob(f"{self.path}/warm/*"))
