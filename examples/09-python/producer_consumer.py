"""A producer and a consumer that run at the same time, with a bounded queue between them."""

from concurrent import interpreters


def produce(queue, count):
    for number in range(count):
        queue.put(("job", number))
    queue.put(None)


def consume(queue, results):
    total = 0
    while (item := queue.get()) is not None:
        total += item[1]
    results.put(total)


if __name__ == "__main__":
    jobs, results = interpreters.create_queue(maxsize=10), interpreters.create_queue()
    # What an interpreter has put goes with it: both stay until all is got.
    producer, consumer = interpreters.create(), interpreters.create()
    threads = producer.call_in_thread(produce, jobs, 1000), consumer.call_in_thread(consume, jobs, results)
    for thread in threads:
        thread.join()
    print("the sum is", results.get())
