"""System calls that Python lacks, for the probes of the mount tests."""
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]

def call(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "call")
    return result
