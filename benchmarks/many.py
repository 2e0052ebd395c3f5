"""More than one process or machine: what it gains, what it costs, and what is left after one was killed.

    python benchmarks/many.py scoring TEXT      # words a second: one process, two, two of Ray; outputs compared
    python benchmarks/many.py kills TEXT        # workers and drivers killed, outputs compared
    python benchmarks/many.py training TEXT     # two processes of 64 streams and one of 128: loss, weights, words a second
    python benchmarks/many.py bandwidth         # an all-reduce over links of known rate (as root: network namespaces)

The start of each way (processes, model, cluster) is measured by a text of one line and counted apart.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LMGEN = [sys.executable, "-m", "lmgen"]
WAYS = {"one process": [], "--workers 2": ["--workers", "2"], "--ray --workers 2": ["--workers", "2", "--ray"]}
STEPS = 20
SIZES = {"mini, 11 M": 11, "50 M": 50}
"""Numbers in an all-reduce, in millions."""
LINKS = {"100 Mbit/s": "100mbit", "1 Gbit/s": "1gbit", "10 Gbit/s": "10gbit"}


def run(*arguments, **options):
    """Run lmgen to its end; the seconds that it took."""
    began = time.monotonic()
    subprocess.run([*LMGEN, *map(str, arguments)], check=True, stderr=subprocess.DEVNULL, **options)
    return time.monotonic() - began


def lines_of(text, count, folder):
    """A file of the first lines of a text."""
    path = folder / f"{count}.txt"
    with open(text, encoding="utf-8") as file:
        path.write_text("".join(line for line, _ in zip(file, range(count), strict=False)), encoding="utf-8")
    return path


def scoring(text, count, folder):
    """Words a second of each way, its start, and whether its output is that of one process."""
    whole, short = lines_of(text, count, folder), lines_of(text, 1, folder)
    first = None
    for name, options in WAYS.items():
        out = folder / "out.tsv"
        start = run("score", short, "-o", out, *options)
        took = run("score", whole, "-o", out, *options)
        content = out.read_bytes()
        first = first or content
        words = sum(int(line.split(b"\t")[2]) for line in content.splitlines()[1:])
        same = "same bytes" if content == first else "OTHER BYTES"
        print(f"{name}: {words / (took - start):,.0f} words/s, start {start:.1f} s, {same}", flush=True)


def kills(text, count, folder):
    """What is left when workers or the driver are killed while they work."""
    whole = lines_of(text, count, folder)
    out = folder / "out.tsv"
    run("score", whole, "-o", out)
    expected = out.read_bytes()
    for name, options in list(WAYS.items())[1:]:
        for victim in ("a worker", "the driver"):
            out.unlink(missing_ok=True)
            process = subprocess.Popen([*LMGEN, "score", whole, "-o", out, *options], stderr=subprocess.PIPE)
            wait_for_parts(process, folder / "out.tsv.parts")
            os.kill(process.pid if victim == "the driver" else worker_of(process), signal.SIGKILL)
            _, said = process.communicate()
            lost = f"exit {process.returncode}"
            if victim == "the driver":
                run("score", whole, "-o", out, "--resume")
                lost += ", then --resume"
            same = "same bytes" if out.read_bytes() == expected else "OTHER BYTES"
            told = [line for line in said.decode().splitlines() if "done again" in line]
            print(f"{name}, {victim} killed: {lost}, {same}; {'; '.join(told) or 'nothing said'}", flush=True)


def wait_for_parts(process, folder):
    """Until some parts are finished."""
    manifest = folder / "parts.jsonl"
    while not manifest.exists() or manifest.read_text().count("\n") < 4:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)


def worker_of(process):
    """A process that scores for another: one of its children, or an actor of Ray."""
    names = subprocess.run(["ps", "-eo", "pid,ppid,args"], stdout=subprocess.PIPE, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in names.splitlines()[1:]]
    actors = [int(pid) for pid, _, args in rows if args.startswith("ray::") and "Actor" in args]
    children = [int(pid) for pid, parent, args in rows if int(parent) == process.pid and "spawn_main" in args]
    return (actors or children)[0]


def training(text, _, folder):
    """Twenty steps of mini's shape in float32, by one process and by two on this machine."""
    import numpy as np

    lines = lines_of(text, 20_000, folder)
    options = ["--tokenize", "--precision", "float32", "--steps", str(STEPS)]
    for name, start in (("one process of 128 streams", start_one), ("two processes of 64", start_two)):
        out = folder / name.split()[0]
        for process in start("train", lines, "--out", out, *options):
            assert process.wait() == 0, name
        stored = np.load(out / "training" / "snapshot.npz")
        seconds, tokens = (json.loads(str(stored["facts"]))["progress"][key] for key in ("seconds", "tokens"))
        print(f"{name}: {tokens / seconds:,.0f} words/s", flush=True)
    one, two = (np.load(folder / name / "training" / "snapshot.npz") for name in ("one", "two"))
    difference = max(np.abs(one[name] - two[name]).max() for name in one.files if name != "facts")
    print(f"largest difference of weights, moments, averages and states after {STEPS} steps: {difference:.1e}")


def start_one(*arguments):
    return [subprocess.Popen([*LMGEN, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)]


def start_two(*arguments, hosts=("127.0.0.1", "127.0.0.1"), prefixes=((), ()), command=LMGEN):
    addresses = [f"{host}:{23450 + place}" for place, host in enumerate(hosts)]
    processes = []
    for index, prefix in enumerate(prefixes):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        more = ["--distribute"] if command is LMGEN else []
        processes.append(
            subprocess.Popen(
                [*prefix, *command, *map(str, arguments), *more],
                env={**os.environ, "TF_CONFIG": json.dumps(task)},
                stdout=None if index == 0 and command is not LMGEN else subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
    return processes


def bandwidth(*_):
    """All-reduces between two hosts, which are namespaces of this machine."""
    for link, rate in LINKS.items():
        with two_hosts(rate) as prefixes:
            for name, millions in SIZES.items():
                for precision in ("float32", "bfloat16"):
                    print(f"{link}, {name} numbers, {precision}: ", end="", flush=True)
                    command = [sys.executable, __file__, "reduce"]
                    hosts = ("10.77.0.1", "10.77.0.2")
                    for process in start_two(millions, precision, hosts=hosts, prefixes=prefixes, command=command):
                        process.wait()


@contextlib.contextmanager
def two_hosts(rate):
    """Namespaces with a link of a rate between them: what to put before a command to run it there."""
    names = ("lmgen-a", "lmgen-b")
    commands = [f"ip netns add {name}" for name in names]
    commands.append(f"ip link add veth-a netns {names[0]} type veth peer name veth-b netns {names[1]}")
    for name, end, host in zip(names, "ab", (1, 2), strict=True):
        inside = f"ip netns exec {name}"
        commands += [
            f"{inside} ip link set lo up",
            f"{inside} ip addr add 10.77.0.{host}/24 dev veth-{end}",
            f"{inside} ip link set veth-{end} up",
            f"{inside} tc qdisc add dev veth-{end} root tbf rate {rate} burst 2mb latency 100ms",
        ]
    try:
        for command in commands:
            subprocess.run(command.split(), check=True)
        yield [["ip", "netns", "exec", name] for name in names]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)


def reduce(millions, precision):
    """What each of two processes does for `bandwidth`: the median of some all-reduces."""
    import statistics

    import tensorflow as tf

    from lmgen.training.cluster import join

    replicas = join("tf-config", precision)
    step = tf.function(replicas.mean_gradients, autograph=False)
    gradients = [tf.random.normal([int(millions * 1e6 / 10)]) for _ in range(10)]
    took = []
    for _ in range(4):
        began = time.monotonic()
        step(gradients)[0].numpy()
        took.append(time.monotonic() - began)
    print(f"{statistics.median(took[1:]) * 1000:,.0f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("scoring", "kills", "training", "bandwidth", "reduce"))
    parser.add_argument("text", nargs="?", help="a file of sentences, one a line")
    parser.add_argument("precision", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--lines", type=int, default=20_000)
    asked = parser.parse_args()
    if asked.what == "reduce":
        reduce(int(asked.text), asked.precision)
        return
    with tempfile.TemporaryDirectory() as folder:
        ways = {"scoring": scoring, "kills": kills, "training": training, "bandwidth": bandwidth}
        ways[asked.what](asked.text, asked.lines, Path(folder))


if __name__ == "__main__":
    main()
