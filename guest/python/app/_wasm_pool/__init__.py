"""What makes CPython an interpreter of wasm-pool. The entry is `app.py`; each module here owns one thing.

A build initialises CPython, imports `app`, and keeps the memory: every interpreter begins from that image, copied on write. So
what is done while importing costs nothing later, and what differs between interpreters (arguments, streams, seeds) is made when
the first call comes.
"""
