"""A table of figures and their bars, which remembers what was missed."""
import math
import sys
import time


def timed(call):
    """Seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def shown(value):
    """A count as it is, and of another number three digits or all before its point."""
    if isinstance(value, int) or not value:
        return f"{value:.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


class Table:
    def __init__(self, name):
        self.name, self.rows, self.missed = name, [], []

    def title(self, text="", notes=""):
        print(f"{text:52}{'figure':>10} {'':8}{'bar':>8}  {'':7}{notes}".rstrip(), flush=True)

    def row(self, name, value, unit, bar=None, least=False, note=""):
        """`least`: the bar is the least that is good enough, else the most."""
        late = bar is not None and (value < bar if least else value > bar)
        self.missed += [name] * late
        word = "" if bar is None else "missed" if late else "met"
        limit = "" if bar is None else f"{'>=' if least else '<='}{bar:g}"
        print(f"{name:52}{shown(value):>10} {unit:8}{limit:>8}  {word:7}{note}".rstrip(), flush=True)
        self.rows.append({"name": name, "value": value, "unit": unit, "bar": bar, "result": word, "note": note})

    def skip(self, name, why):
        print(f"{name:52}{'-':>10} {'':8}{'':8}  {'skipped':7}{why}", flush=True)
        self.rows.append({"name": name, "value": None, "result": "skipped", "note": why})

    def end(self):
        """Ends the program: with 1 when a bar was missed."""
        sys.exit(f"{self.name}: missed: {', '.join(self.missed)}" if self.missed else 0)
