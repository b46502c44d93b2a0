"""How much memory there is, how much is in use and how much was at the most. Knows nothing of models or runs.

On a CPU it is the memory of this process. Linux keeps its peak and lets it be reset; elsewhere it is sampled.
"""

from __future__ import annotations

import ctypes
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import torch

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_CGROUP = Path("/sys/fs/cgroup")
_SAMPLED_EVERY = 0.02  # seconds
MAPPED = 2**25  # bytes that glibc never has in its heap, but asks the system for and gives back to it
_SPARING = 2**17
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # glibc's numbers for these
_REFUSALS = (  # what libraries say in a RuntimeError when there is no memory left
    "can't allocate memory",
    "out of memory",
    "ALLOC_FAILED",
    "bad_alloc",
    "could not create a memory",
    "Cannot allocate memory",
    "Resource temporarily unavailable",  # for the stack of a thread
)


def memory_used(device: torch.device) -> int:
    """Bytes: those of the GPU's tensors, or this process's resident memory."""
    return torch.cuda.memory_allocated(device) if device.type == "cuda" else psutil.Process().memory_info().rss


def memory_total(device: torch.device) -> int:
    """Bytes: the GPU's, or the machine's as far as the container that this process is in is let have them."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    limits = [psutil.virtual_memory().total]
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # also where the limit is the word `max`
            limits.append(int((_CGROUP / name).read_text()))
    return min(limits)


def give_back() -> None:
    """Hands what was freed back to the system, where an allocator keeps it for later: glibc's, and CUDA's."""
    with suppress(OSError, AttributeError, TypeError):  # another C library has no such function
        ctypes.CDLL(None).malloc_trim(0)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def sparing(wanted: bool) -> Iterator[None]:
    """Inside, glibc asks the system for whatever takes 128 kB or more and gives it back at once. Left to itself it
    raises that limit to 32 MB as it goes, and its heap fills with holes: into that of an aligned tensor it puts none of
    the same size. With checkpointing, which makes many and keeps few, they are several times what is alive. To ask the
    system costs a sixth of the speed."""
    if not wanted:
        yield
        return
    _ask_the_system_from(_SPARING)
    give_back()
    try:
        yield
    finally:
        _ask_the_system_from(MAPPED)


def _ask_the_system_from(size: int) -> None:
    with suppress(OSError, AttributeError, TypeError):  # another C library has no such function
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, size)
        ctypes.CDLL(None).mallopt(_TRIM_THRESHOLD, 2 * size)


def memory_free(device: torch.device) -> int:
    """Bytes that this process may still take: the GPU's with those that PyTorch keeps for it, or the machine's, within
    the limits of its container and its own."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        allowed = torch.cuda.get_per_process_memory_fraction() * memory_total(device) - memory_used(device)
        return max(0, min(torch.cuda.mem_get_info(device)[0] + kept, int(allowed)))
    now = psutil.Process().memory_info()
    free = [psutil.virtual_memory().available, memory_total(device) - now.rss]
    if resource is not None:
        limits = ((resource.RLIMIT_AS, now.vms), (resource.RLIMIT_DATA, getattr(now, "data", 0)))
        rooms = [(resource.getrlimit(kind)[0], used) for kind, used in limits]
        free += [limit - used for limit, used in rooms if limit != resource.RLIM_INFINITY]
    return max(0, min(free))


def memory_kills() -> int:
    """How many processes of this container or machine the kernel has killed for want of memory, as far as it says."""
    for path in (_CGROUP / "memory.events", Path("/proc/vmstat")):
        with suppress(OSError, ValueError):
            counters = dict(line.split(" ", 1) for line in path.read_text().splitlines())
            if "oom_kill" in counters:
                return int(counters["oom_kill"])
    return 0


def is_out_of_memory(error: BaseException) -> bool:
    """Whether that is what a library means."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(said in str(error) for said in _REFUSALS)


class Meter:
    """The peak of what is in use. `idle` is what was when it was made, before any model: nothing, on a GPU."""

    def __init__(self, device: torch.device):
        self.device = device
        self.idle = memory_used(device)
        self.begin()

    def begin(self) -> None:
        """A run begins."""
        self._before = 0
        self._reset()

    def mark(self) -> None:
        """`since_mark` begins again; `peak` does not."""
        self._before = self.peak
        self._reset()

    @property
    def available(self) -> int:
        """Bytes that a run and its model may have: what is free now and what they hold already."""
        return memory_free(self.device) + max(0, memory_used(self.device) - self.idle)

    @property
    def peak(self) -> int:
        """The most bytes since the run began."""
        return max(self._before, self.since_mark)

    @property
    def since_mark(self) -> int:
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        return self._sampler.most if self._sampler else _high_water()

    def _reset(self) -> None:
        self._sampler: _Sampler | None = None
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            return
        try:
            Path("/proc/self/clear_refs").write_text("5")
            _high_water()
        except OSError:
            self._sampler = _Sampler(self.device)


def _high_water() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("no VmHWM in /proc/self/status")


class _Sampler:
    """Looks again and again, for as long as anybody has a use for it."""

    def __init__(self, device: torch.device):
        self.most = memory_used(device)
        looking = threading.Thread(target=_sample, args=(weakref.ref(self), device), daemon=True)
        looking.start()


def _sample(owner: weakref.ref[_Sampler], device: torch.device) -> None:
    while (sampler := owner()) is not None:
        sampler.most = max(sampler.most, memory_used(device))
        del sampler
        time.sleep(_SAMPLED_EVERY)
