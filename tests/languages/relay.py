import sys
from concurrent import interpreters

_, source, target = sys.argv
out = interpreters.Queue.open(target)
for value in interpreters.Queue.open(source):
    out.put(value)
