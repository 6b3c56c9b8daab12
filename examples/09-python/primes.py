"""Work for the processor in four interpreters at once."""

import sys
from concurrent.futures import InterpreterPoolExecutor, as_completed


def count_primes(begin, end):
    return sum(all(number % divisor for divisor in range(2, int(number**0.5) + 1)) for number in range(max(begin, 2), end))


def main(limit):
    step = limit // 4
    with InterpreterPoolExecutor(max_workers=4) as pool:
        parts = {pool.submit(count_primes, begin, begin + step): begin for begin in range(0, limit, step)}
        for future in as_completed(parts):
            print(f"from {parts[future]:>5}: {future.result()}", file=sys.stderr)
        print("primes below", limit, "are", sum(future.result() for future in parts))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
