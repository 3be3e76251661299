"""A worker beside another process: it ends with the one that started it, however that one ends.

python -m api.cli.companion PID
"""

import os
import signal
import sys
import time
from threading import Thread

from api import worker

LOOK_SECONDS = 0.5


def main() -> None:
    """Work on the database of the environment until told to stop, or until the process that is named is no longer the
    parent: a killed parent can tell nobody.
    """
    Thread(target=_end_with, args=(int(sys.argv[1]),), daemon=True).start()
    worker.main()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
