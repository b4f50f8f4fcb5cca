"""Where a figure was measured, and how a command is measured: for the drivers in this folder."""

import os
import platform
import subprocess
import sys
import time


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def line_of(path, name):
    with open(path, encoding="ascii") as file:
        for line in file:
            if line.startswith(name):
                return line.split(":", 1)[1].strip()
    return "unknown"


def print_machine(binary, folder):
    print(f"processor    {line_of('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cores")
    print(f"memory       {line_of('/proc/meminfo', 'MemTotal')}")
    print(f"kernel       {platform.system()} {platform.release()}")
    file_system = subprocess.run(["df", "--output=fstype,source", folder], capture_output=True,
                                 text=True, check=True).stdout.splitlines()[-1].split()
    print(f"file system  {' on '.join(file_system)}")
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
    print("binary       " + "\n             ".join(version.stdout.strip().splitlines()))


def run_measured(command):
    """Wall seconds, processor seconds and the most memory of one command, in bytes."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"exit {process.returncode} of {' '.join(command)}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
