"""Runs a command and fails if it fails, or if it took more memory than it may: peak-memory.py MIB COMMAND..."""

import resource
import subprocess
import sys

limit_mib = int(sys.argv[1])
status = subprocess.run(sys.argv[2:]).returncode
# The largest set of resident pages of any child that has ended, in KiB on Linux.
peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"{' '.join(sys.argv[2:])}: status {status}, {peak_mib:.1f} MiB at its peak, {limit_mib} allowed")
sys.exit(status != 0 or peak_mib > limit_mib)
