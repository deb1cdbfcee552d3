"""again.py BRAINY POWERCUT.SO OPERATIONS - what model.py left of a difference: the same operations on a new volume, one after
the other, each compared with the tree in memory. Where the mount died, it is killed between two operations."""
import ast, os, random, shutil, sys, tempfile

from history import History, short
from real import Real
from tree import Tree
from volume import Volume


def crash(volume, history, real):
    volume.kill()
    real.forget_handles()
    volume.bury()
    volume.mount()
    return history.crashed(real.dump(), False)


def follow(volume, operations):
    tree, real = Tree(), Real(volume)
    tree.root.mode = os.stat(volume.mnt).st_mode & 0o7777
    history = History(tree)
    for n, op in enumerate(operations):
        print(n, short(op), flush=True)
        if op == ("crash",):
            history = crash(volume, history, real)
        else:
            assert history.step(real, op), "the mount died by itself"
        different = history.tree.differs(real.dump())
        assert not different, "\n".join(different)


def main():
    brainy, powercut = map(os.path.abspath, sys.argv[1:3])
    with open(sys.argv[3]) as f:
        operations = [ast.literal_eval(line) for line in f]
    os.umask(0)
    work = tempfile.mkdtemp()
    volume = Volume(brainy, powercut, work)
    try:
        volume.make(random.Random())
        volume.mount()
        follow(volume, operations)
    finally:
        volume.bury()
        shutil.rmtree(work)


main()
