"""Says of an access log on stdin what the pool says, in one program: the two must print the same."""

import collections
import json
import re
import sys

sys.stdin.reconfigure(encoding="utf-8")
sys.stdout.reconfigure(encoding="utf-8")
LINE = re.compile(r'\S+ \S+ \S+ \[[^:]+:(\d\d)[^]]+\] "GET ([^ ?]+)\S* [^"]+" (\d{3}) (\d+|-) ')
paths = collections.defaultdict(lambda: {"requests": 0, "errors": 0, "bytes": 0, "hours": [0] * 24})
rejected = 0

for line in sys.stdin:
    if '"GET ' not in line:
        continue
    found = LINE.match(line)
    if found is None:
        rejected += 1
        continue
    hour, path, status, size = found.groups()
    sums = paths[path]
    sums["requests"] += 1
    sums["errors"] += int(status) >= 400
    sums["bytes"] += 0 if size == "-" else int(size)
    sums["hours"][int(hour)] += 1


def show(value):
    print(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


for path, sums in sorted(paths.items(), key=lambda entry: (-entry[1]["requests"], entry[0])):
    hours = sums.pop("hours")
    show({"path": path, **sums, "busiest": hours.index(max(hours))})
total = {name: sum(sums[name] for sums in paths.values()) for name in ("requests", "errors", "bytes")}
show({"paths": len(paths), **total, "rejected": rejected})
