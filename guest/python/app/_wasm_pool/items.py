"""Python values as items, and back.

None, bools, ints of 64 bits, floats, strings, bytes, queues and interpreters travel as they are; what has parts as CBOR, so that
other languages understand it; what CBOR cannot say so that it comes back as it was, as a pickle. Pickles that hold queues or
interpreters travel in a *parcel*: a closed queue with the pickle first and the handles behind it, since only as items of their own can
handles travel. Its two bounds say that it is one.
"""

from wit_world.imports import queues as wit

from . import cbor, pickles

CBOR = "application/cbor"
#: What a parcel's queue holds at most, in items, and its bytes modulo a MiB.
_PARCEL, _MIB = 734, 1 << 20
_LARGEST, _SMALLEST = (1 << 63) - 1, -1 << 63


class NotShareableError(TypeError):
    """Raised when an object cannot be shared between interpreters."""


NotShareableError.__module__ = "concurrent.interpreters"


def _int(value):
    return wit.Item_S64(value) if _SMALLEST <= value <= _LARGEST else None


def _str(value):
    # A string with half of a surrogate pair is no text.
    return wit.Item_String(value) if value.isascii() or _is_text(value) else None


def _is_text(value):
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


#: Type -> what makes an item of a value of it; None if it cannot.
PLAIN = {
    type(None): lambda value: wit.Item_None_(),
    bool: wit.Item_Bool,
    int: _int,
    float: wit.Item_F64,
    str: _str,
    bytes: wit.Item_Bytes,
}
#: Type -> what makes the item that hands over what the value stands for (None if it need not): queues and interpreters.
HANDLES = {}


def to_item(value):
    """Errors: `NotShareableError`."""
    make = PLAIN.get(type(value)) or HANDLES.get(type(value))
    if make is not None:
        item = make(value)
        if item is not None:
            return item
    try:
        return wit.Item_Encoded(wit.Encoded(CBOR, cbor.encode(value)))
    except cbor.Unfit:
        return to_pickle(value)


def to_pickle(value, *more):
    """The item of a value that is pickled, with handles on what is in it, and on `more`."""
    try:
        data, met = pickles.dumps(value)
    except Exception as error:
        raise NotShareableError(f"object could not be pickled: {_why(error)}") from error
    item = wit.Item_Encoded(wit.Encoded(pickles.MEDIA_TYPE, data))
    return parcel(item, [*met, *more]) if met or more else item


def _why(error):
    return f"{type(error).__name__}: {error}"


def parcel(item, things):
    """An item with handles on queues and interpreters."""
    handles = handles_on(things)
    size = 64 * (len(handles) + 2) + _size(item)
    queue = wit.create(wit.QueueOptions(_PARCEL, (size // _MIB + 1) * _MIB + _PARCEL, wit.Unbound.REPLACE))
    queue.put_many([item, *handles], 0, None)
    queue.close()
    return wit.Item_Queue(queue)


def handles_on(things):
    """Items that hand over queues and interpreters; without those that are gone."""
    handles = []
    for thing in things:
        try:
            handle = HANDLES[type(thing)](thing)
        except Exception:
            continue
        if handle is not None:
            handles.append(handle)
    return handles


def _size(item):
    """At least the bytes that an item takes."""
    value = getattr(item, "value", None)
    if isinstance(value, wit.Encoded):
        return len(value.media_type) + len(value.bytes)
    return 4 * len(value) if isinstance(value, (str, bytes)) else 64


def is_parcel(queue):
    return queue.max_size() == _PARCEL and queue.max_bytes() % _MIB == _PARCEL and queue.is_closed()


def from_item(item):
    """Errors: `NotShareableError` for what cannot be decoded."""
    return _FROM[type(item)](item)


def _value(item):
    return item.value


def _from_queue(item):
    if not is_parcel(item.value):
        return QUEUE(item.value)
    first, *handles = [part.value for part in item.value.get_many(_PARCEL, 0) if isinstance(part, wit.Received_Item)]
    # Whoever was handed a queue can find it by its id, as long as somebody holds it: here `handles`.
    value = from_item(first)
    del handles
    return value


def _from_encoded(item):
    media_type, data = item.value.media_type, item.value.bytes
    if media_type == pickles.MEDIA_TYPE:
        try:
            return pickles.loads(data)
        except Exception as error:
            raise NotShareableError(f"object could not be unpickled: {_why(error)}") from error
    if media_type == CBOR:
        try:
            return cbor.decode(data)
        except ValueError as error:
            raise NotShareableError(f"object could not be decoded: {error}") from None
    raise NotShareableError(f"no decoder for {media_type}")


#: What makes the objects for a handle on a queue and for an interpreter's number; `_interpqueues` and `_interpreters` set them.
QUEUE = INTERPRETER = None

_FROM = {
    wit.Item_None_: lambda item: None,
    wit.Item_Bool: _value,
    wit.Item_S64: _value,
    wit.Item_F64: _value,
    wit.Item_String: _value,
    wit.Item_Bytes: _value,
    wit.Item_Queue: _from_queue,
    wit.Item_Interpreter: lambda item: INTERPRETER(item.value),
    wit.Item_Encoded: _from_encoded,
}


def is_shareable(value):
    """Whether it travels as it is, as CPython's function says: tuples are not looked into."""
    kind = type(value)
    return kind in PLAIN or kind is tuple or kind is memoryview or kind in HANDLES and kind.__name__ == "Queue"
