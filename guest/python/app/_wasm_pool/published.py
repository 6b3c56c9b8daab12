"""Ids that were read, and so may stand in a text that another interpreter runs: `f"queue = Queue({queue.id})"`.

To the host an id is only a name, and a queue is what one was handed. CPython knows no such difference, so a Python program hands
over with each call to an interpreter, and with each answer, whatever it has read the id of since the last.
"""

#: In the order in which they were read; weak, since a text keeps nothing.
_published = []
_known = set()


def publish(reference, key):
    """The id of what `reference()` gives (None when it is gone) was read."""
    if key not in _known:
        _known.add(key)
        _published.append(reference)
        if len(_published) > 1024 and len(_published).bit_count() == 1:
            _forget()


def _forget():
    """Drops what is gone; positions in the list stay."""
    for at, reference in enumerate(_published):
        if reference is not None and reference() is None:
            _published[at] = None


def mark():
    """How many there are; `since` this is what comes later."""
    return len(_published)


def since(mark):
    things = [reference() for reference in _published[mark:] if reference is not None]
    return [thing for thing in things if thing is not None]
