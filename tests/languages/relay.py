import sys
from concurrent import interpreters

source, target = sys.argv[-2:]
queue, out = interpreters.Queue.open(source), interpreters.Queue.open(target)
while True:
    try:
        value = queue.get()
    except interpreters.QueueClosed:
        break
    out.put(value)
