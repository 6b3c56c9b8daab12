"""CBOR (RFC 8949), the encoding that the kits of all languages understand.

Of Python's types exactly these: None, bool, int, float, str, bytes, list, dict (with keys of any of these), and with the tags that
are registered for them big ints (2, 3), sets (258) and memoryviews of bytes (64). Tuples are arrays in a tag of ours, since they
must come back as tuples; decoders of other languages pass over tags that they do not know. Whatever else has parts is not
encoded, and neither is a subclass: `Unfit`.

What is decoded came from others: every length is checked against what is there, and nesting is bounded.
"""

import struct

#: A tuple; a number that is not registered for anything else.
TUPLE = 80_734
_SET, _BYTES, _BIG, _BIG_NEGATIVE = 258, 64, 2, 3
#: Deeper values travel in pickles.
MAX_DEPTH = 100


class Unfit(Exception):
    """The value cannot be said in CBOR so that it comes back as it was."""


def encode(value):
    out = bytearray()
    _put(out, value, 0)
    return bytes(out)


def _head(out, major, number):
    if number < 24:
        out.append(major | number)
    elif number < 0x100:
        out += struct.pack(">BB", major | 24, number)
    elif number < 0x10000:
        out += struct.pack(">BH", major | 25, number)
    elif number < 0x1_0000_0000:
        out += struct.pack(">BI", major | 26, number)
    else:
        out += struct.pack(">BQ", major | 27, number)


def _put(out, value, depth):
    put = _PUT.get(type(value))
    if put is None or depth > MAX_DEPTH:
        raise Unfit
    put(out, value, depth)


def _int(out, value, depth):
    if 0 <= value < 24:
        out.append(value)
    elif -(1 << 64) <= value < 1 << 64:
        _head(out, *((0, value) if value >= 0 else (0x20, -1 - value)))
    else:
        magnitude = value if value >= 0 else -1 - value
        _head(out, 0xC0, _BIG if value >= 0 else _BIG_NEGATIVE)
        _bytes(out, magnitude.to_bytes((magnitude.bit_length() + 7) // 8), depth)


def _bytes(out, value, depth):
    _head(out, 0x40, len(value))
    out += value


def _str(out, value, depth):
    try:
        data = value.encode()
    except UnicodeEncodeError:
        raise Unfit from None
    _head(out, 0x60, len(data))
    out += data


def _list(out, value, depth):
    _head(out, 0x80, len(value))
    for part in value:
        _put(out, part, depth + 1)


def _tagged(tag):
    def put(out, value, depth):
        _head(out, 0xC0, tag)
        _list(out, value, depth)
    return put


def _dict(out, value, depth):
    _head(out, 0xA0, len(value))
    for key, part in value.items():
        _put(out, key, depth + 1)
        _put(out, part, depth + 1)


def _view(out, value, depth):
    if value.format != "B" or value.ndim != 1:
        raise Unfit
    _head(out, 0xC0, _BYTES)
    _bytes(out, value.tobytes(), depth)


_PUT = {
    type(None): lambda out, value, depth: out.append(0xF6),
    bool: lambda out, value, depth: out.append(0xF5 if value else 0xF4),
    int: _int,
    float: lambda out, value, depth: out.extend(struct.pack(">Bd", 0xFB, value)),
    str: _str,
    bytes: _bytes,
    list: _list,
    tuple: _tagged(TUPLE),
    set: _tagged(_SET),
    dict: _dict,
    memoryview: _view,
}


def decode(data):
    """The first value in `data`. Errors: `ValueError`."""
    try:
        return _Reader(data).value(0)
    except (IndexError, struct.error, OverflowError, UnicodeDecodeError, TypeError) as error:
        raise ValueError(f"bad CBOR: {error}") from None


class _Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise IndexError("it ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, info):
        """The argument of a head; None for one of indefinite length."""
        if info < 24:
            return info
        if info == 31:
            return None
        if info > 27:
            raise ValueError("bad CBOR: a reserved head")
        return int.from_bytes(self.take(1 << (info - 24)))

    def value(self, depth):
        if depth > 4 * MAX_DEPTH:
            raise ValueError("bad CBOR: nested too deeply")
        head = self.take(1)[0]
        major, info = head >> 5, head & 31
        if major == 7:
            return self.simple(info)
        number = self.number(info)
        if number is None and major in (0, 1, 6):
            raise ValueError("bad CBOR: a number of indefinite length")
        return self._READ[major](self, number, depth + 1)

    def parts(self, count, depth):
        """So many values, or those before the break."""
        parts = []
        while count is None or len(parts) < count:
            if count is None and self.data[self.at] == 0xFF:
                self.at += 1
                break
            parts.append(self.value(depth))
        return parts

    def chunks(self, count, depth):
        return self.take(count) if count is not None else b"".join(self.parts(None, depth))

    def text(self, count, depth):
        return self.take(count).decode() if count is not None else "".join(self.parts(None, depth))

    def map(self, count, depth):
        parts = self.parts(None if count is None else 2 * count, depth)
        return dict(zip([_hashable(key) for key in parts[::2]], parts[1::2], strict=True))

    def tag(self, tag, depth):
        value = self.value(depth)
        if tag in (_BIG, _BIG_NEGATIVE):
            number = int.from_bytes(value)
            return number if tag == _BIG else -1 - number
        make = {TUPLE: tuple, _SET: lambda parts: set(map(_hashable, parts)), _BYTES: memoryview}.get(tag)
        return value if make is None else make(value)

    def simple(self, info):
        if info in (20, 21):
            return info == 21
        if info in (22, 23):
            return None
        if info in (25, 26, 27):
            size = 1 << (info - 24)
            return struct.unpack({2: ">e", 4: ">f", 8: ">d"}[size], self.take(size))[0]
        raise ValueError("bad CBOR: a simple value without a meaning")

    _READ = {
        0: lambda self, number, depth: number,
        1: lambda self, number, depth: -1 - number,
        2: chunks,
        3: text,
        4: parts,
        5: map,
        6: tag,
    }


def _hashable(key):
    """Arrays are keys as tuples."""
    return tuple(map(_hashable, key)) if type(key) is list else key
