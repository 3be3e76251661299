"""A process that starts a cluster, says its postmaster's pid and waits for its own end; test_embedded.py kills it."""

import signal
import sys
import time
from pathlib import Path

from api.embedded import Cluster

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell tells what it starts behind itself to ignore it
    cluster = Cluster(Path(sys.argv[1])).start()
    server = cluster.postmaster()
    assert server is not None
    sys.stdout.write(f"{server.pid}\n")
    sys.stdout.flush()
    time.sleep(60)
