"""Makes a record of each line of an access log; lines that are none go to another queue."""

import re
from concurrent import interpreters

LINE = re.compile(r'(\S+) \S+ \S+ \[([^]]+)\] "(\S+) ([^ ?]+)(?:\?\S*)? [^"]+" (\d{3}) (\d+|-) ')

requests = interpreters.Queue.open("requests")
records = interpreters.Queue.open("records")
rejected = interpreters.Queue.open("rejected")


def parse(line):
    found = LINE.match(line)
    if found is None:
        return None
    client, time, method, path, status, size = found.groups()
    hour = int(time.split(":")[1])
    return {"path": path, "hour": hour, "status": int(status), "bytes": None if size == "-" else int(size)}


while True:
    try:
        line = requests.get()
    except interpreters.QueueClosed:
        break
    record = parse(line)
    if record is None:
        rejected.put(line)
    else:
        records.put(record)
