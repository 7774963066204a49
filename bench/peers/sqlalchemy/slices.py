"""SQLAlchemy's QueuePool over a driver that does nothing.

Says its versions first; then, for each line "threads times" it takes a connection and gives it back so many times,
spread over so many threads, and answers with the nanoseconds that it took and the number of connections it got.
"""

import platform
import sys
import threading
import time

import sqlalchemy
from sqlalchemy.pool import QueuePool


class NullConnection:
    def rollback(self):
        pass

    def commit(self):
        pass

    def close(self):
        pass


def loop(pool, times, got):
    n = 0
    for _ in range(times):
        connection = pool.connect()
        if connection is not None:
            n += 1
        connection.close()
    got.append(n)


def slice(pool, n, times):
    got = []
    threads = [threading.Thread(target=loop, args=(pool, times // n, got)) for _ in range(n)]
    began = time.perf_counter_ns()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter_ns() - began, sum(got)


def main():
    size = 5
    pool = QueuePool(NullConnection, pool_size=size, max_overflow=int(sys.argv[1]) - size)
    print(f"SQLAlchemy {sqlalchemy.__version__} on Python {platform.python_version()}", flush=True)
    for line in sys.stdin:
        print(*slice(pool, *map(int, line.split())), flush=True)


main()
