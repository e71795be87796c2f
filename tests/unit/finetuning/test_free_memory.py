"""Free memory as Linux and control groups tell it, from folders that look like theirs."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from foretune.finetuning.free_memory import free_memory, main_memory

GIB = 2**30


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """With 8 GiB available."""
    write(tmp_path, {"proc/meminfo": f"MemTotal: 99999999 kB\nMemAvailable:    {8 * 2**20} kB\n"})
    return tmp_path


def test_without_limits_it_is_what_is_available(machine) -> None:
    assert main_memory(machine) == 8 * GIB
    write(machine, {"proc/self/cgroup": "0::/user\n", "sys/fs/cgroup/user/memory.max": "max\n"})
    assert main_memory(machine) == 8 * GIB


def test_a_group_of_version_2_and_those_above_it_count(machine) -> None:
    group = "sys/fs/cgroup/jobs"
    write(
        machine,
        {
            "proc/self/cgroup": "0::/jobs/mine\n",
            f"{group}/mine/memory.max": "max\n",
            f"{group}/mine/memory.current": f"{GIB}\n",
            f"{group}/memory.max": f"{4 * GIB}\n",
            f"{group}/memory.current": f"{3 * GIB}\n",
            f"{group}/memory.stat": f"anon 1\ninactive_file {GIB}\nactive_file 7\n",
        },
    )
    assert main_memory(machine) == 2 * GIB  # a cache of files is given up where memory is short


def test_a_group_of_version_1_counts(machine) -> None:
    group = "sys/fs/cgroup/memory/jobs"
    write(
        machine,
        {
            "proc/self/cgroup": "5:cpu:/jobs\n4:memory:/jobs\n0::/\n",
            f"{group}/memory.limit_in_bytes": f"{3 * GIB}\n",
            f"{group}/memory.usage_in_bytes": f"{GIB}\n",
            f"{group}/memory.stat": f"inactive_file 5\ntotal_inactive_file {GIB // 2}\n",
        },
    )
    assert main_memory(machine) == 2.5 * GIB


def test_in_a_container_the_group_may_be_the_root(machine) -> None:
    write(
        machine,
        {
            "proc/self/cgroup": "0::/docker/abc\n",
            "sys/fs/cgroup/memory.max": f"{GIB}\n",
            "sys/fs/cgroup/memory.current": f"{GIB // 4}\n",
        },
    )
    assert main_memory(machine) == 0.75 * GIB


def test_where_nothing_says_there_is_no_limit(tmp_path) -> None:
    assert main_memory(tmp_path) == math.inf
    assert free_memory("mps") == math.inf


def test_of_an_accelerator_what_its_allocator_keeps_unused_is_free_too(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (5 * GIB, 80 * GIB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 7 * GIB)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 4 * GIB)
    assert free_memory("cuda:1") == 8 * GIB
