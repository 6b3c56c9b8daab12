"""Makes what `rest.py` noted stay for ever, in a component that is built: `settle.py COMPONENT`.

CPython counts the references to an object in the object itself, so looking at it is writing to it, but for objects whose
count says that they are immortal (PEP 683). Each count is a word of the component's data, which this sets.
"""

import sys
from array import array

MARK = b"<wasm-pool: what stays>"
#: `_Py_IMMORTAL_INITIAL_REFCNT` of CPython 3.14 where addresses have 32 bits.
IMMORTAL = 5 << 28
#: No object has as many references, and none lies as low: where a count should be, freed objects have an address.
MOST = 1 << 19
#: Section numbers of a component's module, and of a module's data.
MODULE, DATA = 1, 11


def number(data, at):
    """An unsigned LEB128 number, and what is behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def sections(data, at, end):
    """Number, begin and end of each section."""
    while at < end:
        kind = data[at]
        size, at = number(data, at + 1)
        yield kind, at, at + size
        at += size


def segments(data):
    """Address in memory, begin and end in the file, of all active data."""
    for kind, begin, end in sections(data, 8, len(data)):
        if kind != MODULE:
            continue
        for part, at, _ in sections(data, begin + 8, end):
            if part != DATA:
                continue
            count, at = number(data, at)
            for _ in range(count):
                flags, at = number(data, at)
                if flags or data[at] != 0x41:
                    return
                address, at = number(data, at + 1)
                if data[at] != 0x0B:
                    return
                size, at = number(data, at + 1)
                yield address, at, at + size
                at += size


class Memory:
    """What the component's memory begins as."""

    def __init__(self, data):
        self.data = data
        self.parts = sorted(segments(data))
        self.starts = [address for address, _, _ in self.parts]

    def place(self, address):
        """Where a byte stands in the file; None if it is one of the zeros that do not."""
        from bisect import bisect_right
        at = bisect_right(self.starts, address) - 1
        if at < 0:
            return None
        start, begin, end = self.parts[at]
        place = begin + address - start
        return place if place < end else None

    def word(self, address):
        places = [self.place(address + byte) for byte in range(4)]
        return sum(self.data[place] << 8 * byte for byte, place in enumerate(places) if place is not None)

    def set(self, address, value):
        """Whether all of its bytes stand in the file."""
        places = [self.place(address + byte) for byte in range(4)]
        if None in places:
            return False
        for byte, place in enumerate(places):
            self.data[place] = value >> 8 * byte & 255
        return True


def noted(memory):
    """The addresses of types and of other objects."""
    for start, begin, end in memory.parts:
        at = memory.data.find(MARK, begin, end)
        if at < 0:
            continue
        address = start + at - begin + len(MARK)
        kinds, others = memory.word(address), memory.word(address + 4)
        if kinds + others < 10_000:
            # The text in the code that wrote it.
            continue
        words = [memory.word(address + 8 + 4 * at) for at in range(kinds + others)]
        return words[:kinds], words[kinds:]
    sys.exit("settle: the component notes nothing that stays")


def main(path):
    with open(path, "rb") as file:
        memory = Memory(bytearray(file.read()))
    kinds, others = noted(memory)
    known = set(kinds)
    done = left = 0
    for address in (*kinds, *others):
        count = memory.word(address)
        if count >= IMMORTAL:
            continue
        # What is gone since it was noted stays gone.
        if 0 < count < MOST and memory.word(address + 4) in known and memory.set(address, IMMORTAL):
            done += 1
        else:
            left += 1
    with open(path, "wb") as file:
        file.write(memory.data)
    print(f"{path}: {done} objects stay, {left} do not")


if __name__ == "__main__":
    main(sys.argv[1])
