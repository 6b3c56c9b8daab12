"""Two interpreters and the queue between them, which both find by its id."""

import textwrap

import interpreters

queue = interpreters.create_queue()
sender = interpreters.create()
receiver = interpreters.create()

sender.exec(textwrap.dedent(f"""
    import interpreters
    queue = interpreters.Queue.from_id({queue.id})
    for number in range(3):
        queue.put({{"number": number, "square": number ** 2}})
    queue.put(None)
"""))
receiver.exec(textwrap.dedent(f"""
    import interpreters
    queue = interpreters.Queue.from_id({queue.id})
    while (item := queue.get()) is not None:
        print(item["number"], "squared is", item["square"])
"""))
