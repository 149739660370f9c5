"""Runs ClickHouse's HTTP server in this process until it is told to end.

    python3 clickhouse.py LIBRARY HOME HOST PORT

The library of the chdb packages holds the whole program clickhouse-local, and exports its main function.
Since 26.6 that program knows SYSTEM START LISTEN, which opens ClickHouse's own HTTP handlers, so that
formats, settings and error messages are those of a server. What it does not do by itself is stay: it
ends with its last query. So the last query reads standard input, which is a pipe that nobody writes to,
and to end the server is to close the pipe; then it writes out what it has and leaves.
"""

import ctypes
import os
import signal
import sys
import threading

library, home, host, port = sys.argv[1:]

STOP = {signal.SIGTERM, signal.SIGINT}
# Before any thread: those of the library must not take the signals.
signal.pthread_sigmask(signal.SIG_BLOCK, STOP)

reader, writer = os.pipe()
os.dup2(reader, 0)
os.close(reader)

wait = "SELECT count() FROM file('/dev/stdin', LineAsString, 'line String') FORMAT Null"
command = ["clickhouse-local", "--config-file", f"{home}/clickhouse.xml", "--path", f"{home}/data"]
command += ["--listen_host", host, "--http_port", port, "--query", f"SYSTEM START LISTEN HTTP; {wait}"]

chdb = ctypes.CDLL(library, mode=os.RTLD_NOW | os.RTLD_GLOBAL)
chdb.chdb_query_cmdline.argtypes = [ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)]
chdb.chdb_query_cmdline.restype = ctypes.c_void_p
chdb.chdb_result_error.argtypes = [ctypes.c_void_p]
chdb.chdb_result_error.restype = ctypes.c_char_p

is_told = threading.Event()
faults = []


def serve():
    words = (ctypes.c_char_p * len(command))(*(word.encode() for word in command))
    result = chdb.chdb_query_cmdline(len(command), words)
    fault = chdb.chdb_result_error(result) if result else b"it gave no result"
    if fault or not is_told.is_set():
        faults.append((fault or b"it ended by itself").decode(errors="replace"))
    os.kill(os.getpid(), signal.SIGTERM)


server = threading.Thread(target=serve, daemon=True)
server.start()
signal.sigwait(STOP)
is_told.set()
if server.is_alive():
    os.close(writer)
    server.join(25)
for fault in faults:
    print(fault, file=sys.stderr, flush=True)
# The library's own threads would hold up an ordinary exit.
os._exit(1 if faults else 0)
