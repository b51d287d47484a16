"""Measures the product beside its peers, and alone under what changes its speed. Called by Benchmarks/run, which sets the
environment and names the sections.
"""

import argparse
import csv
import glob
import importlib.metadata
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import zlib

import psycopg

import draw
import measure

PROGRAM = os.environ["SENTINODE_PROGRAM"]
CORE = max(os.sched_getaffinity(0))
BATCH = 64  # the product's default
PACE = 0.05  # seconds between patches that come one at a time
WITHOUT = " without AVX-512"  # peers on a CPU that hides it


# Kinds of figures of a section that has others than its own name.
KINDS = {"network": ["network", "network ratio", "decoding", "decoding ratio", "statistics"],
         "peer": ["queue to commit", "queue to commit ratio", "CPU", "write-ahead log"],
         "start": ["start", "memory"]}


class Figures:
    """What was measured: one row a value, kept as CSV."""

    def __init__(self, path):
        """Those that are there already stay, but for sections that are measured again."""
        self.path, self.rows = path, draw.read(path) if os.path.exists(path) else []

    def leave_out(self, section):
        self.rows = [row for row in self.rows if row[0] not in KINDS.get(section, [section])]

    def add(self, section, setting, unit, values):
        self.rows += [(section, setting, unit, number, value) for number, value in enumerate(values)]
        spread = f"({min(values):,.4g} to {max(values):,.4g})" if len(values) > 1 else ""
        print(f"  {setting:46} {statistics.median(values):10,.4g} {unit:12} {spread}", flush=True)

    def values(self, section, setting):
        return [row[4] for row in self.rows if row[:2] == (section, setting)]

    def write(self):
        with open(self.path, "w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(
                [("section", "setting", "unit", "number", "value")]
                + [(*row[:4], f"{row[4]:.5g}") for row in self.rows])


class Bench:
    def __init__(self, settings):
        self.settings = settings
        self.figures = Figures(os.path.join(settings.results, "figures.csv"))
        self.patches = [open(path, "rb").read() for path in sorted(glob.glob(settings.patches + "/*.png"))]
        self.use(os.environ["SENTINODE_DATABASE_URL"])

    def use(self, url):
        """Works with this database from now on."""
        self.url = os.environ["SENTINODE_DATABASE_URL"] = url
        self.database = psycopg.connect(url, autocommit=True)
        self.product, self.peer = measure.product_side(PROGRAM, url), measure.peer_side(url)

    def sentinode(self, *arguments, url=None, text=None):
        subprocess.run([PROGRAM, *arguments], check=True, stdout=subprocess.DEVNULL, text=True, input=text,
                       env=os.environ | {"SENTINODE_DATABASE_URL": url or self.url})

    def rate(self, side, patches=None, as_json=False, database=None, **shape):
        measure.fill(side, patches or self.patches, self.settings.count, as_json)
        return measure.drain(side, self.settings.count, database or self.database, **shape)

    def log_position(self):
        """Bytes that the database has written to its log so far."""
        return int(self.database.execute("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()[0])

    def sweep(self, section, cases):
        """`cases`: what `rate` is given, by name. In turn, so that a slow minute hits all alike."""
        rates = {name: [] for name in cases}
        for _ in range(self.settings.rounds):
            for name, arguments in cases.items():
                rates[name].append(self.rate(self.product, **arguments)[0])
        for name, values in rates.items():
            self.figures.add(section, name, "patches/s", values)


def first(path, prefix):
    """What the first line that begins so says."""
    with open(path) as file:
        return next((line.split(":", 1)[-1].strip().strip('"') for line in file if line.startswith(prefix)), "?")


def cpu_flags():
    return first("/proc/cpuinfo", "flags").split()


def libraries(settings, folder):
    """Commands that time what a worker computes, with the environment each needs. The folder is for copies of the peers
    that run as on a CPU without AVX-512; there are none where the CPU has none."""
    model, peers = os.environ["PEER_MODEL"], os.path.join(measure.HERE, "kernels", "peers.py")
    yield [os.environ["KERNEL_BENCHMARK"], os.environ["PEER_WEIGHTS"], settings.patches], {}
    for name in ("onnxruntime", "openvino", "pillow"):
        yield [sys.executable, peers, name, model, settings.patches], {}
    if subprocess.run(["/usr/bin/python3", "-c", "import torch"], stderr=subprocess.DEVNULL).returncode == 0:
        yield ["/usr/bin/python3", peers, "torch", os.environ["PEER_WEIGHTS"], settings.patches], {}
    else:
        print("  PyTorch is left out: apt-get install python3-torch")
    if "avx512f" in cpu_flags():
        subprocess.run([sys.executable, os.path.join(measure.HERE, "peer", "hide_avx512.py"), folder], check=True)
        for name in ("onnxruntime", "openvino"):
            yield ([sys.executable, peers, name, model, settings.patches, WITHOUT],
                   {"PYTHONPATH": folder, "LD_PRELOAD": os.path.join(folder, "hide_avx512.so")})


def check_answers(answers):
    """`answers`: log-probabilities of tumour by who computed them. What is timed computes the same."""
    first = next(iter(answers.values()))
    for how, given in answers.items():
        if len(given) != len(first) or not all(abs(one - other) <= 1e-4 for one, other in zip(given, first)):
            sys.exit(f"{how} answers otherwise than {next(iter(answers))}")
    print(f"  {len(first)} patches are answered alike, to 1e-4, by {len(answers)} ways to compute them")


def network(bench):
    """One core each, the same patches, float32; peers at every batch size, of which their best counts."""
    found, answers = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        commands = list(libraries(bench.settings, folder))
        for command, environment in commands * bench.settings.rounds:
            lines = subprocess.run(["taskset", "--cpu-list", str(CORE), *command], check=True, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ | environment).stdout
            for line in lines.splitlines():
                what, how, value = line.split(",")
                if what == "answers":
                    answers[how] = [float(answer) for answer in value.split()]
                else:
                    found.setdefault((what, how), []).append(float(value))
    check_answers(answers)
    for (what, how), values in found.items():
        bench.figures.add(what, how, "us a patch", values)

    def best(batch, fits):
        return min((statistics.median(values), how) for (what, how), values in found.items()
                   if what == "network" and how.endswith(batch) and fits(how))

    def compare(where, ours, theirs):
        for batch, name in (("", "at their best batch sizes"), (" batch 1", "one patch at a time")):
            fastest, beside = best(batch, ours), best(batch, theirs)
            bench.figures.add("network ratio", name + where, "times", [beside[0] / fastest[0]])
            print(f"    {fastest[1]} beside {beside[1]}")
    compare("", draw.is_ours, lambda how: how.startswith(("ONNX", "OpenVINO")) and WITHOUT not in how)
    if any(WITHOUT in how for _, how in found):
        compare(WITHOUT, lambda how: "/avx2" in how, lambda how: WITHOUT in how)
    ratio = statistics.median(found["decoding", "libpng"]) / statistics.median(found["decoding", "sentinode"])
    bench.figures.add("decoding ratio", "libpng to sentinode", "times", [ratio])


def peer(bench):
    """Queue to commit, two lanes beside two processes of the peer, in turn: with the product's default batch, and with
    larger ones, of which each side's best counts."""
    sides = {"sentinode": bench.product, "Python worker": bench.peer}
    for side in sides.values():  # files of a new cluster are made as they are first needed
        bench.rate(side)
    cases = [(name, batch) for batch in (BATCH, 128, 192, 256) for name in sides]
    rates, spent, logged = {case: [] for case in cases}, {name: [] for name in sides}, {name: [] for name in sides}
    for _ in range(bench.settings.rounds):
        for name, batch in cases:
            before = bench.log_position()
            rate, cpu = bench.rate(sides[name], batch=batch)
            rates[name, batch].append(rate)
            if batch == BATCH:
                spent[name].append(cpu)
                logged[name].append((bench.log_position() - before) / bench.settings.count)
    for (name, batch), values in rates.items():
        bench.figures.add("queue to commit", f"{name}, batch {batch}", "patches/s", values)

    def compare(setting, ours, theirs):
        bench.figures.add("queue to commit ratio", setting, "times",
                          [one / other for one, other in zip(rates[ours], rates[theirs])])
    best = {name: max((case for case in cases if case[0] == name), key=lambda case: statistics.median(rates[case]))
            for name in sides}
    compare(f"both with batches of {BATCH}", *((name, BATCH) for name in sides))
    compare("each with its best batch", *best.values())
    images, farthest = bench.database.execute("""
        select count(*), max(abs(ours.log_p_tumor - theirs.log_p_tumor))
        from (select image_sha256, min(log_p_tumor) as log_p_tumor from sentinode.predictions group by 1) as ours
        join (select image_sha256, max(log_p_tumor) as log_p_tumor from peer.predictions group by 1) as theirs
            using (image_sha256)""").fetchone()
    if images != len(set(bench.patches)) or not farthest <= 1e-4:
        sys.exit(f"the two sides answer otherwise: {images} patches in common, {farthest} apart")
    for name, values in spent.items():
        for who in values[0]:
            bench.figures.add("CPU", f"{name}: {who}", "us a patch", [value[who] for value in values])
    for name, values in logged.items():
        bench.figures.add("write-ahead log", name, "bytes a patch", values)


def latency(bench):
    """One patch at a time; percentiles of each round of 300."""
    least = measure.least_side(bench.peer.database_url)
    cases = {"sentinode": lambda: measure.latencies(bench.product, bench.patches, 300, PACE),
             "Python worker": lambda: measure.latencies(bench.peer, bench.patches, 300, PACE),
             "the least worker": lambda: measure.latencies(least, bench.patches, 300, PACE),
             "the broker alone": lambda: measure.broker_round_trips(bench.patches, 300, PACE),
             "a single-row commit": lambda: measure.single_row_commits(bench.database, 300, PACE),
             "single-row commits, one after the other": lambda: measure.single_row_commits(bench.database, 300, 0)}
    rounds = {name: [] for name in cases}
    for _ in range(bench.settings.rounds):
        for name, times in cases.items():
            rounds[name].append(sorted(times()))
    for name, ordered in rounds.items():
        for share in (0.5, 0.99):
            bench.figures.add("latency", f"{name}, p{share * 100:.0f}", "ms",
                              [times[int(share * len(times))] for times in ordered])


def queue(bench):
    """What one quorum queue passes when nothing is done with it, and what that costs the broker."""
    count = 2 * bench.settings.count
    command = [os.environ["QUEUE_BENCHMARK"], "rate", str(count), *sorted(glob.glob(bench.settings.patches + "/*.png"))]
    rates, spent = [], []
    for _ in range(bench.settings.rounds):
        before = measure.cpu_seconds("beam.smp")
        rates.append(float(subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout))
        spent.append((measure.cpu_seconds("beam.smp") - before) / count * 1e6)
    bench.figures.add("queue", "one quorum queue, nothing done with its messages", "messages/s", rates)
    bench.figures.add("queue", "broker, sending included", "us a message", spent)


def lanes(bench):
    bench.sweep("lanes", {f"{count} lane{'s' * (count > 1)}": {"lanes": count} for count in (1, 2, 4, 8)})


def batch(bench):
    bench.sweep("batch", {f"batch {size}": {"batch": size} for size in (1, 4, 16, 64, 128, 256)})


def processes(bench):
    bench.sweep("processes", {f"{count} process{'es' * (count > 1)} of one lane": {"processes": count, "lanes": 1}
                              for count in (1, 2, 4)})


def noise(count):
    """Patches that no encoder makes smaller."""
    def chunk(kind, content):
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")
    draws = random.Random(1)
    header = chunk(b"IHDR", bytes([0, 0, 0, 96, 0, 0, 0, 96, 8, 2, 0, 0, 0]))
    return [b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(
        b"".join(b"\0" + draws.randbytes(288) for _ in range(96)))) + chunk(b"IEND", b"") for _ in range(count)]


def payload(bench):
    bench.sweep("payload", {"patches as PNG": {}, "patches as JSON with base64": {"as_json": True},
                            "noise as PNG": {"patches": noise(200)}})


# What makes a copy of a row one of its own: its key, its place on a slide of 100,000 patches, its image, its time in the
# 90 days before, and its leaf in a chain of events of 64.
COPIED = {"job_id": "gen_random_uuid()", "slide_id": "'S-' || number / 100000", "x": "96 * (number % 400)",
          "y": "96 * (number / 400 % 250)", "site": "'site-' || number / 100000 % 8",
          "image_sha256": "sha256(int8send(number))", "seal": "number / 64", "leaf": "1 + number % 64",
          "writer": "'00000000-0000-4000-8000-000000000000'::uuid"}
TIMES = ("enqueued_at", "received_at", "predicted_at", "stored_at")


def history(bench):
    """With rows that were there before, in databases of their own: made from those that the product has stored, each with
    a key, a place, a time and a leaf of its own. Their events and seals are there too, but hold nothing together."""
    columns = [row[0] for row in bench.database.execute(
        "select attname from pg_attribute where attrelid = 'sentinode.predictions'::regclass and attnum > 0 "
        "and attgenerated = '' order by attnum")]
    sides = {}
    for rows in bench.settings.history:
        url, administrators = make_database(bench, f"history_{rows}")
        database = psycopg.connect(url, autocommit=True)
        side = measure.product_side(PROGRAM, url)
        measure.fill(side, bench.patches, bench.settings.count)
        measure.drain(side, bench.settings.count, database)
        if rows:
            with psycopg.connect(administrators, autocommit=True) as connection:
                make_history(connection, columns, rows)
        sides[f"{rows:,} rows"] = (side, database)
    rates = {name: [] for name in sides}
    for _ in range(bench.settings.rounds):
        for name, (side, database) in sides.items():
            rates[name].append(bench.rate(side, database=database)[0])
    for name, values in rates.items():
        bench.figures.add("history", name, "patches/s", values)


def make_history(connection, columns, rows):
    since = f"interval '90 days' * (1 - number / {rows}.0)"
    values = [COPIED.get(name) or (f"{name} - {since}" if name in TIMES else name) for name in columns]
    connection.execute("set session_replication_role = replica")
    connection.execute("create temporary table stored as select row_number() over () - 1 as place, * "
                       "from sentinode.predictions")
    connection.execute("create unique index on stored (place)")
    connection.execute("analyze stored")
    connection.execute(
        f"insert into sentinode.predictions ({', '.join(columns)}) select {', '.join(values)} "
        f"from generate_series(0, {rows - 1}) as number join stored on place = number % (select count(*) from stored)")
    connection.execute(
        f"insert into audit.events (writer, seal, occurred_at, actor, action, detail_source, leaves, salt) "
        f"select {COPIED['writer']}, number / 64, now() - {since}, session_user, 'batch.recorded', '{{\"recorded\": 64}}', "
        f"decode(repeat(md5(number::text), 128), 'hex'), uuid_send(gen_random_uuid()) "
        f"from generate_series(0, {rows - 1}, 64) as number")
    connection.execute(
        f"insert into audit.seals (writer, number, previous, leaf_count, root, seal) "
        f"select {COPIED['writer']}, number / 64, case when number > 0 then sha256(int8send(number - 64)) end, 65, "
        f"sha256(int8send(-number)), sha256(int8send(number)) from generate_series(0, {rows - 1}, 64) as number")
    for table in ("sentinode.predictions", "audit.events", "audit.seals"):
        connection.execute(f"vacuum analyze {table}")
    connection.execute("checkpoint")


def make_database(bench, name):
    """One of its own, with a version that decides and the peer's tables. Its URL, and that for its administrator."""
    urls = [f"{url.rsplit('/', 1)[0]}/{name}" for url in (bench.url, os.environ["SENTINODE_DATABASE_ADMIN_URL"])]
    with psycopg.connect(os.environ["SENTINODE_DATABASE_ADMIN_URL"], autocommit=True) as connection:
        connection.execute(f"create database {name} owner operator")
    prepare_database(bench, urls[0])
    return urls


def prepare_database(bench, url):
    with psycopg.connect(url, autocommit=True) as connection, open(f"{measure.HERE}/peer/schema.sql") as schema:
        connection.execute(schema.read())
    bench.sentinode("migrate", url=url)
    bench.sentinode("model", "import", os.environ["PEER_WEIGHTS"], "--name", "benchmarked", url=url)
    bench.sentinode("model", "activate", "benchmarked", "--reason", "benchmark", url=url)


def worklist(bench):
    """A share of all patches, drawn for review and kept to be looked at."""
    folder = tempfile.mkdtemp()
    key = os.environ["SENTINODE_REVIEW_KEY_FILE"] = os.path.join(folder, "key")
    bench.sentinode("review", "key", "--out", key)
    # One after the other: a policy holds from when it is set on.
    for share in (0, 0.02, 0.2, 1):
        bench.sentinode("review", "policy", "set", "--reason", "benchmark", "--key-file", key, "--rules", "-",
                        text=f'[{{"reason": "audit", "rate": {share}}}]')
        rates = [bench.rate(bench.product)[0] for _ in range(bench.settings.rounds)]
        bench.figures.add("worklist", f"{share:.0%} of the patches", "patches/s", rates)


def shadow(bench):
    """A second version, asked about every patch and deciding nothing."""
    rates = [bench.rate(bench.product)[0] for _ in range(bench.settings.rounds)]
    bench.figures.add("shadow", "no version in shadow", "patches/s", rates)
    bench.sentinode("model", "import", os.environ["SHADOW_WEIGHTS"], "--name", "shadow", "--threshold", "0.5")
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write('{"fewest_days": 1, "fewest_labels": 400, "fewest_tumor_labels": 100, "recall_margin": 0.02,'
                   '"specificity_margin": 0.03, "most_disagreement": 0.15, "most_uncertain": 0.2}')
        file.flush()
        bench.sentinode("model", "shadow", "shadow", "--criteria", file.name, "--reason", "benchmark")
    rates = [bench.rate(bench.product)[0] for _ in range(bench.settings.rounds)]
    bench.figures.add("shadow", "one version in shadow", "patches/s", rates)
    bench.sentinode("model", "shadow", "shadow", "--end", "--reason", "benchmark")


def start(bench):
    """From starting a program to its being of use, and the memory of a worker."""
    image = sorted(glob.glob(bench.settings.patches + "/*.png"))[0]
    times = []
    for _ in range(20):
        begun = time.perf_counter()
        subprocess.run([PROGRAM, "classify", image, "--model", os.environ["PEER_WEIGHTS"]], check=True,
                       stdout=subprocess.DEVNULL)
        times.append((time.perf_counter() - begun) * 1000)
    bench.figures.add("start", "sentinode classify of one patch", "ms", times)
    ready, memory = [], []
    for _ in range(5):
        begun = time.perf_counter()
        worker = subprocess.Popen([PROGRAM, "work", "--lanes", "2"], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        while consumers(bench.product.queue) < 2:
            if worker.poll() is not None:
                sys.exit(f"the worker ended with {worker.returncode}")
        ready.append((time.perf_counter() - begun) * 1000)
        connection = measure.connect()
        channel = connection.channel()
        for number in range(4000):
            channel.basic_publish(bench.product.exchange, bench.product.key,
                                  *measure.message(bench.patches[number % len(bench.patches)]))
        while channel.queue_declare(bench.product.queue, passive=True).method.message_count:
            time.sleep(0.1)
        time.sleep(1)
        with open(f"/proc/{worker.pid}/status") as file:
            memory.append(int(next(line for line in file if line.startswith("VmHWM")).split()[1]) / 1024)
        connection.close()
        worker.terminate()
        worker.wait()
    bench.figures.add("start", "sentinode work, to two lanes consuming", "ms", ready)
    bench.figures.add("memory", "sentinode work, two lanes, at most", "MiB", memory)


def consumers(queue):
    connection = measure.connect()
    try:
        return connection.channel().queue_declare(queue, passive=True).method.consumer_count
    finally:
        connection.close()


SECTIONS = [network, peer, latency, start, queue, lanes, batch, processes, payload, history, shadow, worklist]


def machine(database):
    cpu = first("/proc/cpuinfo", "model name")
    vectors = [name for name in ("avx2", "avx512f") if name in cpu_flags()]
    system = first("/etc/os-release", "PRETTY_NAME=").removeprefix("PRETTY_NAME=").strip('"')
    versions = [f"{name} {importlib.metadata.version(name)}" for name in
                ("onnxruntime", "openvino", "numpy", "pillow", "pika", "psycopg")]
    return [f"machine: {os.cpu_count()} cores, {cpu} ({', '.join(vectors) or 'no vectors'}), "
            f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') >> 30} GiB, {system}",
            f"RabbitMQ {os.environ['RABBITMQ_VERSION']} and PostgreSQL {database.info.server_version // 10000}."
            f"{database.info.server_version % 10000} on the same cores"
            + (f", every fsync {os.environ['DISK_MILLISECONDS']} ms longer" if "DISK_MILLISECONDS" in os.environ else ""),
            f"peers: Python {sys.version.split()[0]}, {', '.join(versions)}"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--patches", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--history", type=int, nargs="+", required=True)
    parser.add_argument("--results", required=True)
    parser.add_argument("sections", nargs="*")
    settings = parser.parse_args()
    known = {section.__name__: section for section in SECTIONS}
    for name in settings.sections:
        if name not in known:
            sys.exit(f"no section '{name}'; there are {', '.join(known)}")
    bench = Bench(settings)
    prepare_database(bench, bench.url)
    bench.sentinode("model", "export", "benchmarked", os.environ["PEER_MODEL"])
    channel = measure.connect().channel()
    channel.exchange_declare("peer.events", "topic", durable=True)
    channel.queue_declare("peer.patches", durable=True, arguments={"x-queue-type": "quorum"})
    # Declares the product's queue, and warms files.
    bench.sentinode("enqueue", settings.patches)
    bench.sentinode("work", "--drain", "--log-level", "warning")

    description = machine(bench.database)
    print("\n".join(description))
    print(f"{settings.count:,} patches a round, {settings.rounds} rounds; medians, and the lowest to the highest")
    for name, section in known.items():
        if settings.sections and name not in settings.sections:
            continue
        print(f"\n{name}")
        bench.figures.leave_out(name)
        # What a section stores must not slow down the next one.
        bench.use(make_database(bench, f"section_{name}")[0])
        section(bench)
        bench.figures.write()
    with open(os.path.join(settings.results, "machine.txt"), "w") as file:
        file.write("\n".join(description) + "\n")
    draw.charts(bench.figures.rows, settings.results)
    print(f"\nfigures and drawings: {settings.results}")


if __name__ == "__main__":
    main()
