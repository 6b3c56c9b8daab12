"""A function over a hundred numbers, in interpreters that run in parallel."""

from concurrent.futures import InterpreterPoolExecutor


def collatz(start):
    """How many steps it takes from `start` to 1."""
    number, steps = start, 0
    while number != 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        steps += 1
    return steps


if __name__ == "__main__":
    with InterpreterPoolExecutor(max_workers=4) as pool:
        steps = list(pool.map(collatz, range(1, 101)))
    longest = max(range(len(steps)), key=steps.__getitem__)
    print(f"{len(steps)} results; the longest way is that of {longest + 1}: {steps[longest]} steps")
