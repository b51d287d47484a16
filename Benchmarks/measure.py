"""Workers on a queue: fills it, works it empty, times single patches. The product and its peer are the two sides.

Used by sections.py and audit/cost.py. The environment names the broker (SENTINODE_AMQP_URL) and, for the peer, its
database (SENTINODE_DATABASE_URL).
"""

import base64
import dataclasses
import json
import os
import resource
import signal
import subprocess
import sys
import time
import uuid

import pika

HERE = os.path.dirname(os.path.abspath(__file__))
TICK = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True)
class Side:
    """Who works, on which queue and for which table."""
    exchange: str
    key: str
    queue: str
    events: str
    table: str
    database_url: str
    program: str = ""  # empty: the peer
    least: bool = False  # the worker that does the least that any does

    def commands(self, lanes, batch, processes, serve):
        if self.least:
            return [[os.environ["QUEUE_BENCHMARK"], "least", self.queue, self.events]]
        if not self.program:
            worker = [sys.executable, f"{HERE}/peer/worker.py", "--batch", str(batch)]
            return [worker + (["--serve"] if serve else [])] * (lanes * processes)
        command = [self.program, "work", "--lanes", str(lanes), "--batch", str(batch), "--log-level", "warning"]
        return [command + ([] if serve else ["--drain"])] * processes


def product_side(program, database_url):
    """The product: a build of it, and the database it works for."""
    return Side("sentinode.jobs", "patches", "sentinode.patches", "sentinode.events", "sentinode.predictions",
                database_url, program)


def peer_side(database_url):
    return Side("", "peer.patches", "peer.patches", "peer.events", "peer.predictions", database_url)


def least_side(database_url):
    """Only for single patches: what it is given is stored nowhere."""
    return dataclasses.replace(peer_side(database_url), table="peer.single_row", least=True)


def connect():
    return pika.BlockingConnection(pika.URLParameters(os.environ["SENTINODE_AMQP_URL"]))


def message(png, as_json=False):
    """Body and properties of a job, as a PNG or as JSON with the PNG in base64."""
    body = json.dumps({"image_base64": base64.b64encode(png).decode()}).encode() if as_json else png
    return body, pika.BasicProperties(
        content_type="application/json" if as_json else "image/png", delivery_mode=2, message_id=str(uuid.uuid4()),
        app_id="benchmark", headers={"slide_id": "S-1", "x": 960, "y": 1920})


def fill(side, patches, count, as_json=False):
    """Puts `count` patches into the side's queue and waits until the broker has them all."""
    connection = connect()
    channel = connection.channel()
    for number in range(count):
        channel.basic_publish(side.exchange, side.key, *message(patches[number % len(patches)], as_json))
    while channel.queue_declare(side.queue, passive=True).method.message_count < count:
        time.sleep(0.1)
    connection.close()


def start(side, serve, lanes=2, batch=64, processes=1):
    environment = os.environ | {"SENTINODE_DATABASE_URL": side.database_url}
    return [subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for command in side.commands(lanes, batch, processes, serve)]


def cpu_seconds(program):
    """CPU time of the running processes of this name and of those they have waited for."""
    ticks = 0
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            with open(f"{entry.path}/stat") as file:
                name, fields = file.read().rsplit(")", 1)
        except OSError:  # it has just ended
            continue
        if name.endswith(f"({program}"):
            ticks += sum(int(field) for field in fields.split()[11:15])
    return ticks / TICK


def used():
    """CPU seconds so far: of the workers that have ended, the broker, and the database."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"worker": children.ru_utime + children.ru_stime, "broker": cpu_seconds("beam.smp"),
            "database": cpu_seconds("postgres")}


def drain(side, count, database, lanes=2, batch=64, processes=1):
    """Works the queue empty. Patches a second from the first batch classified to the last, so that starting up is not
    counted, and CPU microseconds a patch by who spent them, in which it is."""
    since = database.execute("select clock_timestamp()").fetchone()[0]
    before = used()
    workers = start(side, False, lanes, batch, processes)
    for worker in workers:
        if worker.wait(timeout=600) != 0:
            sys.exit(f"a worker of {side.queue} failed")
    after = used()
    stored, first, last = database.execute(
        f"select count(*), min(predicted_at), max(predicted_at) from {side.table} where received_at >= %s",
        [since]).fetchone()
    if stored != count:
        sys.exit(f"{side.table} holds {stored} of {count} predictions")
    rate = (count - batch * lanes * processes) / (last - first).total_seconds()
    return rate, {name: (after[name] - before[name]) / count * 1e6 for name in after}


def latencies(side, patches, count, pace):
    """Milliseconds from publishing one patch to receiving its result, one at a time, every `pace` seconds at most."""
    connection = connect()
    channel = connection.channel()
    inbox = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(inbox, side.events, "prediction.#")
    workers, times = start(side, True), []
    for number in range(count + 10):
        sent = time.perf_counter()
        channel.basic_publish(side.exchange, side.key, *message(patches[number % len(patches)]))
        for method, _, _ in channel.consume(inbox, auto_ack=True, inactivity_timeout=60):
            if method is None:
                for worker in workers:
                    worker.kill()
                sys.exit("no result came within a minute")
            break
        times.append((time.perf_counter() - sent) * 1000)
        time.sleep(max(0, pace - times[-1] / 1000))
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=60)
    return times[10:]


def broker_round_trips(patches, count, pace):
    """Milliseconds that the broker takes to hand a published patch to a consumer of a quorum queue, doing nothing else."""
    channel = connect().channel()
    channel.queue_declare("round.trip", durable=True, arguments={"x-queue-type": "quorum"})
    times = []
    for number in range(count):
        sent = time.perf_counter()
        channel.basic_publish("", "round.trip", *message(patches[number % len(patches)]))
        for method, _, _ in channel.consume("round.trip", inactivity_timeout=60):
            channel.basic_ack(method.delivery_tag)
            break
        times.append((time.perf_counter() - sent) * 1000)
        time.sleep(max(0, pace - times[-1] / 1000))
    channel.cancel()
    channel.queue_delete("round.trip")
    return times


def single_row_commits(database, count, pace):
    """Milliseconds of each; those that come after a rest, as single patches do, take a processor that has to wake up."""
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        database.execute("insert into peer.single_row values (now())")
        times.append((time.perf_counter() - begun) * 1000)
        time.sleep(max(0, pace - times[-1] / 1000))
    return times
