"""What CPython's tests find around them, in every interpreter."""

import pipes
from test import support
from test.support import threading_helper

pipes.install()
# Or whole modules would be skipped, and not only what needs threads or sockets.
threading_helper.can_start_thread = True
support.has_socket_support = True
