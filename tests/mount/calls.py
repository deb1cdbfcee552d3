"""System calls that Python lacks, and those that must fail: for the probes of the mount tests, from $TESTS."""
import ctypes, reprlib

libc = ctypes.CDLL(None, use_errno=True)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]

def call(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "call")
    return result


def refused(code, do, *args):
    try:
        do(*args)
    except OSError as e:
        assert e.errno == code, (do, reprlib.repr(args), e)
    else:
        raise AssertionError((do, reprlib.repr(args), "was not refused"))
