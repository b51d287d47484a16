"""Runs the product and its peer in turn on the same patches, broker, database and cores, and prints the ratio.

Called by Benchmarks/run, which sets the environment. Usage: measure.py --patches FOLDER --count N --rounds N --csv FILE
"""

import argparse
import csv
import glob
import os
import signal
import statistics
import subprocess
import sys
import time
import uuid

import pika
import psycopg

HERE = os.path.dirname(os.path.abspath(__file__))
PROCESSES = 2
PEER = {"exchange": "", "key": "peer.patches", "queue": "peer.patches", "events": "peer.events",
        "table": "peer.predictions"}


def product_side(program, database_url):
    """The product: a build of it, and the database it works for."""
    return {"exchange": "sentinode.jobs", "key": "patches", "queue": "sentinode.patches", "events": "sentinode.events",
            "table": "sentinode.predictions", "program": program, "database_url": database_url}


def connect():
    return pika.BlockingConnection(pika.URLParameters(os.environ["SENTINODE_AMQP_URL"]))


def properties():
    return pika.BasicProperties(content_type="image/png", delivery_mode=2, message_id=str(uuid.uuid4()),
                                app_id="benchmark", headers={"slide_id": "S-1", "x": 960, "y": 1920})


def fill(side, patches, count):
    """Puts `count` patches into the side's queue and waits until the broker has them all."""
    connection = connect()
    channel = connection.channel()
    for number in range(count):
        channel.basic_publish(side["exchange"], side["key"], patches[number % len(patches)], properties())
    while channel.queue_declare(side["queue"], passive=True).method.message_count < count:
        time.sleep(0.1)
    connection.close()


def start(side, serve):
    """The workers of a side: two lanes in one process, or two processes."""
    if side is PEER:
        commands = [[sys.executable, f"{HERE}/peer/worker.py"] + (["--serve"] if serve else [])] * PROCESSES
        environment = os.environ
    else:
        command = [side["program"], "work", "--lanes", str(PROCESSES), "--log-level", "warning"]
        commands = [command + ([] if serve else ["--drain"])]
        environment = os.environ | {"SENTINODE_DATABASE_URL": side["database_url"]}
    return [subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for command in commands]


def drain(side, count, database):
    """Works the queue empty. Patches a second from the first batch classified to the last: starting up is not counted."""
    since = database.execute("select clock_timestamp()").fetchone()[0]
    workers = start(side, serve=False)
    for worker in workers:
        if worker.wait(timeout=600) != 0:
            sys.exit(f"a worker of {side['queue']} failed")
    stored, first, last = database.execute(
        f"select count(*), min(predicted_at), max(predicted_at) from {side['table']} where received_at >= %s",
        [since]).fetchone()
    if stored != count:
        sys.exit(f"{side['table']} holds {stored} of {count} predictions")
    return (count - 64 * PROCESSES) / (last - first).total_seconds()


def throughput(side, patches, count, database):
    fill(side, patches, count)
    return drain(side, count, database)


def latencies(side, patches, count):
    """Milliseconds from publishing one patch to receiving its result, one at a time, 20 a second at most."""
    connection = connect()
    channel = connection.channel()
    inbox = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(inbox, side["events"], "prediction.#")
    workers, times = start(side, serve=True), []
    for number in range(count + 10):
        sent = time.perf_counter()
        channel.basic_publish(side["exchange"], side["key"], patches[number % len(patches)], properties())
        for method, _, _ in channel.consume(inbox, auto_ack=True, inactivity_timeout=60):
            if method is None:
                sys.exit("no result came within a minute")
            break
        times.append((time.perf_counter() - sent) * 1000)
        time.sleep(max(0, 0.05 - times[-1] / 1000))
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=60)
    return times[10:]


def single_row_commits(database, count):
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        database.execute("insert into peer.single_row values (now())")
        times.append((time.perf_counter() - begun) * 1000)
    return times


def quantile(times, q):
    return sorted(times)[min(len(times) - 1, int(q * len(times)))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--patches", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--csv", required=True)
    settings = parser.parse_args()
    patches = [open(path, "rb").read() for path in sorted(glob.glob(settings.patches + "/*.png"))]
    database = psycopg.connect(os.environ["SENTINODE_DATABASE_URL"], autocommit=True)
    product = product_side(os.environ["SENTINODE_PROGRAM"], os.environ["SENTINODE_DATABASE_URL"])
    channel = connect().channel()
    channel.exchange_declare("peer.events", "topic", durable=True)
    channel.queue_declare("peer.patches", durable=True, arguments={"x-queue-type": "quorum"})

    # A new cluster makes its write-ahead log's files as they are first needed, which costs whoever comes first.
    for side in (product, PEER):
        throughput(side, patches, settings.count, database)
    rows, rates = [], {"sentinode": [], "python": []}
    for number in range(settings.rounds):
        for name, side in (("sentinode", product), ("python", PEER)):
            rate = throughput(side, patches, settings.count, database)
            rates[name].append(rate)
            rows.append(("throughput", name, number, f"{rate:.0f}", "patches/s"))
            print(f"  round {number + 1}: {name:9} {rate:7.0f} patches/s", flush=True)
    print(f"\nqueue to commit, {settings.count} patches a round, {PROCESSES} lanes or processes, medians:")
    for name, values in rates.items():
        print(f"  {name:9} {statistics.median(values):7.0f} patches/s  ({min(values):.0f} to {max(values):.0f})")
    ratios = [ours / theirs for ours, theirs in zip(rates["sentinode"], rates["python"])]
    print(f"  ratio     {statistics.median(ratios):7.2f}            ({min(ratios):.2f} to {max(ratios):.2f})")

    print("\nlatency at low load, publish to result, milliseconds:")
    measured = {"sentinode": latencies(product, patches, 300), "python": latencies(PEER, patches, 300),
                "single-row commit": single_row_commits(database, 300)}
    for name, times in measured.items():
        rows += [("latency", name, number, f"{value:.3f}", "ms") for number, value in enumerate(times)]
        print(f"  {name:18} p50 {quantile(times, 0.5):6.2f}   p99 {quantile(times, 0.99):6.2f}")
    with open(settings.csv, "w", newline="") as file:
        csv.writer(file).writerows([("figure", "who", "number", "value", "unit")] + rows)
    print(f"\nraw data: {settings.csv}")


if __name__ == "__main__":
    main()
