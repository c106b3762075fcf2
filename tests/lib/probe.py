"""Makes a running process call the kernel, and tells what the kernel answers to that very process.

Whether a process may open a file depends on its uid, its root, its capabilities and its landlock rules together;
another process that puts on some of these proves little, and code for tests does not belong into a daemon. So the
call is made from within: the process is stopped by ptrace where it waits, the registers of its main thread are set
for one call, the `syscall` instruction that it waits in is stepped over once more, and all is put back as it was.
The wait itself is begun again by the kernel, as after any signal. x86-64 only; needs root.
"""
import contextlib
import ctypes
import errno
import os
import platform
import signal
import time

ATTACH, DETACH, STEP, GETREGS, SETREGS = 16, 17, 9, 12, 13
OPEN_AT, CLOSE = 257, 3
AT_FDCWD = -100
WALL = 0x40000000  # __WALL: threads too
SYSCALL = b"\x0f\x05"
TRIES_MAX = 500
RED_ZONE_BYTES = 4096  # below the stack pointer; the ABI keeps 128 of them for the function that runs

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


class Killed(Exception):
    """The call was the process's end."""


class Registers(ctypes.Structure):
    """struct user_regs_struct of x86-64."""

    _fields_ = [(name, ctypes.c_ulonglong) for name in (
        "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base "
        "ds es fs gs").split()]


def _ptrace(what, pid, address=None, data=None):
    ctypes.set_errno(0)
    answer = _libc.ptrace(what, pid, address, data)
    if ctypes.get_errno():
        raise OSError(ctypes.get_errno(), f"ptrace {what} of {pid}: {os.strerror(ctypes.get_errno())}")
    return answer


@contextlib.contextmanager
def inside(pid):
    """A function call(number, *arguments) -> (result, errno), for text arguments too, while this lasts."""
    if platform.machine() != "x86_64":
        raise RuntimeError(f"the probe knows the registers of x86-64 alone, not of {platform.machine()}")
    before = _stopped_in_call(pid)
    try:
        try:
            yield lambda number, *arguments: _call(pid, before, number, arguments)
        finally:
            with contextlib.suppress(ProcessLookupError):
                _ptrace(SETREGS, pid, None, ctypes.addressof(before))
    finally:
        with contextlib.suppress(ProcessLookupError):
            _ptrace(DETACH, pid)


def _stopped_in_call(pid):
    """Stops the process where it waits in a system call, and returns its registers; lets it go on if it is busy."""
    for _ in range(TRIES_MAX):
        _ptrace(ATTACH, pid)
        os.waitpid(pid, WALL)
        registers = Registers()
        _ptrace(GETREGS, pid, None, ctypes.addressof(registers))
        with open(f"/proc/{pid}/mem", "rb") as memory:
            memory.seek(registers.rip - 2)
            if memory.read(2) == SYSCALL:
                return registers
        _ptrace(DETACH, pid)
        time.sleep(0.02)
    raise RuntimeError(f"process {pid} never waits in a system call")


def _call(pid, before, number, arguments):
    registers = Registers.from_buffer_copy(before)
    place = before.rsp - RED_ZONE_BYTES
    values = []
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        for argument in arguments:
            if isinstance(argument, str):
                octets = argument.encode() + b"\0"
                memory.seek(place)
                memory.write(octets)
                values.append(place)
                place += len(octets)
            else:
                values.append(argument & 0xffffffffffffffff)
    for name, value in zip(("rdi", "rsi", "rdx", "r10", "r8", "r9"), values):
        setattr(registers, name, value)
    registers.rax, registers.orig_rax, registers.rip = number, 0xffffffffffffffff, before.rip - 2
    _ptrace(SETREGS, pid, None, ctypes.addressof(registers))
    _ptrace(STEP, pid)
    status = os.waitpid(pid, WALL)[1]
    if os.WIFSIGNALED(status):
        raise Killed(signal.Signals(os.WTERMSIG(status)).name)
    if not os.WIFSTOPPED(status) or os.WSTOPSIG(status) != signal.SIGTRAP:
        raise RuntimeError(f"process {pid} did not come back from the call: status {status:#x}")
    _ptrace(GETREGS, pid, None, ctypes.addressof(registers))
    result = ctypes.c_longlong(registers.rax).value
    return (result, "") if result >= 0 else (-1, errno.errorcode.get(-result, str(-result)))


def calls(pid, number, *arguments):
    """Empty when that process can make the call, else the name of the errno it gets, or of the signal that ends it."""
    try:
        with inside(pid) as call:
            return call(number, *arguments)[1]
    except Killed as killed:
        return str(killed)


def opens(pid, path, flags=os.O_RDONLY):
    """Empty when that process can open the file, else the name of the errno it gets."""
    with inside(pid) as call:
        result, problem = call(OPEN_AT, AT_FDCWD, path, flags | os.O_CLOEXEC, 0o600)
        if result >= 0:
            call(CLOSE, result)
        return problem
