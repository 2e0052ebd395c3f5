"""`lmgen serve` under load: words a second, time to the first word, and a long mix of requests, good and bad.

    python benchmarks/serving.py                # all of it, some minutes
    python benchmarks/serving.py --requests 0   # without the mix

The clients run beside the server, on the same cores. Words a second are compared with `lmgen complete -n 32` of the
same precision, in turns.
"""

import argparse
import asyncio
import contextlib
import json
import random
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

LMGEN = [sys.executable, "-m", "lmgen"]
CLIENTS, WORDS = 32, 200
TEXTS = [
    "The old man",
    "I love that I",
    "It was",
    "She said",
    "The president of the United States",
    "When he",
    "In 1945",
]


class Server:
    """`lmgen serve` on a free port."""

    def __init__(self, *arguments):
        command = [*LMGEN, "serve", "--port", "0", "--no-access-log", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.host, port = self.process.stdout.readline().strip().removeprefix("http://").split(":")
        self.port = int(port)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(60) == 0

    async def lines(self, path, body):
        """The lines of an answer, its status first."""
        reader, writer = await asyncio.open_connection(self.host, self.port, limit=1 << 24)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        method = "POST" if data else "GET"
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nConnection: close\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        writer.write(head.encode() + data)
        try:
            async for line in reader:
                yield line
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def ask(self, path, body=b""):
        """Status and body of an answer."""
        found = [line async for line in self.lines(path, body)]
        blank = found.index(b"\r\n")
        return int(found[0].split()[1]), b"".join(found[blank + 1 :])

    def memory(self):
        """(megabytes, threads, open files) of the process."""
        folder = Path(f"/proc/{self.process.pid}")
        facts = dict(re.findall(r"^(VmRSS|Threads):\s+(\d+)", (folder / "status").read_text(), re.MULTILINE))
        return int(facts["VmRSS"]) / 1024, int(facts["Threads"]), len(list((folder / "fd").iterdir()))


def full(number):
    return {
        "prompt": TEXTS[number % len(TEXTS)],
        "max_tokens": WORDS,
        "ignore_end": True,
        "seed": number,
        "stream": True,
    }


async def written(server):
    """Words a second of CLIENTS streams."""
    began = time.monotonic()

    async def one(number):
        return sum([1 async for line in server.lines("/v1/completions", full(number)) if b'"text":"' in line]) - 1

    words = sum(await asyncio.gather(*map(one, range(CLIENTS))))
    return words / (time.monotonic() - began)


def completed(precision):
    """Words a second of `lmgen complete`, without its start: that of one word is taken off."""

    def seconds(words):
        options = ["-n", str(CLIENTS), "--max-words", str(words), "--ignore-eos", "--precision", precision]
        began = time.monotonic()
        subprocess.run([*LMGEN, "complete", TEXTS[0], *options], stdout=subprocess.DEVNULL, check=True)
        return time.monotonic() - began

    return CLIENTS * (WORDS - 1) / (seconds(WORDS) - seconds(1))


def throughput(precision, rounds):
    server, rates = Server("--precision", precision), []
    asyncio.run(written(server))
    for _ in range(rounds):
        rates.append((completed(precision), asyncio.run(written(server))))
    server.stop()
    alone, served = (statistics.median(side) for side in zip(*rates, strict=True))
    print(
        f"{precision}: complete -n {CLIENTS} {alone:,.0f} words/s, {CLIENTS} streams {served:,.0f} ({served / alone:.2f})"
    )


async def firsts(server, requests):
    """Seconds to the first word of each of many streams, CLIENTS at once; those that all begin together are left out."""
    found, numbers = [], iter(range(requests))

    async def client():
        for number in numbers:
            began, body = time.monotonic(), {**full(number), "max_tokens": 10 + 7 * number % 21}
            async for line in server.lines("/v1/completions", body):
                if line.startswith(b"data:") and began:
                    found.append((number, time.monotonic() - began))
                    began = 0

    await asyncio.gather(*[client() for _ in range(CLIENTS)])
    return [seconds for number, seconds in found if number >= CLIENTS]


def first_words(requests):
    server = Server()
    asyncio.run(firsts(server, 2 * CLIENTS))
    found = sorted(1000 * value for value in asyncio.run(firsts(server, requests)))
    server.stop()
    median, last = statistics.median(found), found[int(0.99 * len(found))]
    print(f"first word at {CLIENTS} clients: median {median:.1f} ms, p99 {last:.1f} ms ({last / median:.2f} times)")


KINDS = [
    ("/v1/completions", lambda n: {"prompt": TEXTS[n], "max_tokens": 10, "seed": n}),
    (
        "/v1/completions",
        lambda n: {"prompt": TEXTS[n], "max_tokens": 5, "seed": n, "n": 2, "top_k": 10, "temperature": 1},
    ),
    ("/v1/completions", lambda n: {"prompt": TEXTS[n], "max_tokens": 0, "echo": True, "logprobs": 2}),
    ("/v1/surprisal", lambda n: {"input": TEXTS[n]}),
    ("/v1/next", lambda n: {"prefix": TEXTS[n], "k": 5}),
    ("/v1/choose", lambda n: {"items": [[TEXTS[n], TEXTS[n - 1]]]}),
    ("/v1/embeddings", lambda n: {"input": TEXTS[n]}),
    ("/tokenize", lambda n: {"prompt": TEXTS[n]}),
]
BAD = [b"{", b'{"prompt": 7}', b'{"n": -1}', b'{"temperature": "x"}', b"[[[["]


def plain(data):
    """An answer without what differs between equal requests."""
    return {name: value for name, value in json.loads(data).items() if name not in ("id", "created")}


async def mixed(server, requests):
    """Ask for a mix; returns counts of what came."""
    kinds = [(path, body(number)) for path, body in KINDS for number in range(len(TEXTS))]
    expected = [plain((await server.ask(path, body))[1]) for path, body in kinds]  # each by itself
    counts, rng, numbers = {"right": 0, "wrong": 0, "gone": 0, "refused": 0}, random.Random(1), iter(range(requests))
    memory = []

    async def client():
        for number in numbers:
            if number % (requests // 10) == 0:
                memory.append(server.memory()[0])
            chance = rng.random()
            if chance < 0.05:
                async for _ in server.lines("/v1/completions", {**full(number), "n": 3}):
                    break
                counts["gone"] += 1
            elif chance < 0.06:
                status, _ = await server.ask("/v1/completions", rng.choice(BAD))
                counts["refused" if status == 400 else "wrong"] += 1
            else:
                which = rng.randrange(len(kinds))
                status, data = await server.ask(*kinds[which])
                counts["right" if status == 200 and plain(data) == expected[which] else "wrong"] += 1

    await asyncio.gather(*[client() for _ in range(CLIENTS)])
    return counts, memory


def mix(requests):
    server = Server()
    asyncio.run(mixed(server, 500))
    before, began = server.memory(), time.monotonic()
    counts, memory = asyncio.run(mixed(server, requests))
    taken = time.monotonic() - began
    time.sleep(2)
    after = server.memory()
    server.stop()
    print(f"{requests:,} requests in {taken:.0f} s: {counts}")
    print(f"memory, MB, at every tenth: {' '.join(f'{value:.0f}' for value in memory)}")
    print(f"threads {before[1]} -> {after[1]}, open files {before[2]} -> {after[2]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=10_000)
    asked = parser.parse_args()
    for precision in ("float32", "fast"):
        throughput(precision, asked.rounds)
    first_words(1000)
    if asked.requests:
        mix(asked.requests)


if __name__ == "__main__":
    main()
