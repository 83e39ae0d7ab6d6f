"""How much memory a result takes, and how much there is."""

from __future__ import annotations

import os

from flowopt.integrators.fixed_run import MOST_BYTES

GB = 2**30


def available() -> int:
    """Return how many bytes this process may still take, as far as the system says."""
    found = []
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    found.append(int(line.split()[1]) * 1024)
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as most, \
                open("/sys/fs/cgroup/memory.current", encoding="ascii") as now:
            found.append(int(most.read()) - int(now.read()))
    except (OSError, ValueError):  # another system, or no limit
        pass
    if not found and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return max(0, min(found)) if found else MOST_BYTES


def check(count: int, saves: int, m: int, reduced: int) -> None:
    """Refuse an ensemble whose results do not fit, with how much they would take."""
    kept, other = count * saves * m * 8, count * (reduced + 16 * m + 24)
    if kept + other < 2**20:
        return
    free = available()
    if kept + other <= free:
        return
    if kept > other:
        raise ValueError(f"save_at would keep {kept / GB:.1f} GB ({count:,} runs, {saves:,} times, "
                         f"{m} numbers each), and {free / GB:.1f} GB of memory is free; keep fewer "
                         "times or starts, or use reduce")
    raise ValueError(f"the results of {count:,} runs would take {other / GB:.1f} GB, and "
                     f"{free / GB:.1f} GB of memory is free; take fewer starts, or fewer or pooled "
                     "bins")
