"""Prints a web server's access log, always the same: log.py [LINES], 20000 unless told otherwise."""

import random
import sys

PAGES = ["/", "/docs", "/docs/start", "/docs/api", "/blog", "/blog/isolation", "/search", "/login", "/static/site.css", "/größe"]
CLIENTS = ["Mozilla/5.0 (X11; Linux x86_64)", "curl/8.5.0", "Bot \\\"friendly\\\"/1.0"]


def line(chance, second):
    path = chance.choices(PAGES, weights=range(len(PAGES), 0, -1))[0]
    if path == "/search":
        path += f"?q={chance.choice(['wasm', 'queue', 'pool'])}"
    method = chance.choices(["GET", "POST", "HEAD"], weights=[90, 8, 2])[0]
    status = chance.choices([200, 304, 404, 500], weights=[85, 8, 5, 2])[0]
    size = "-" if status == 304 else chance.randint(200, 60_000)
    at = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    address = ".".join(str(chance.randint(1, 254)) for _ in range(4))
    return f'{address} - - [25/Nov/2026:{at} +0000] "{method} {path} HTTP/1.1" {status} {size} "-" "{chance.choice(CLIENTS)}"'


def main(lines):
    chance = random.Random(10)
    for number in range(lines):
        text = line(chance, number * 4 % 86_400)
        # Some lines were cut when the disk was full.
        print(text[: chance.randint(60, 90)] if chance.random() < 0.01 else text)


sys.stdout.reconfigure(encoding="utf-8")
main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
