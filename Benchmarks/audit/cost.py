"""Runs an audited and an unaudited worker in turn on the same patches and broker, and prints the cost of the audit trail.

Called by Benchmarks/audit/cost, which sets the environment.
"""

import argparse
import glob
import os
import random
import statistics
import sys

import psycopg

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import measure

# Rounds in turn, and many of them: the speed of a machine drifts by more than what is measured. Long enough that what a
# worker's session does once, planning its statements, weighs as little as in a worker that stays.
COUNT = 16_000
LANES = 2


def busy_seconds():
    """CPU time that the whole machine has spent since it started: worker, broker, database and their kernel time."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq = [int(word) for word in file.readline().split()[1:8]]
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def interval(ratios):
    """95 % interval of the median ratio: the percentiles of 10,000 resamples of the rounds."""
    draws = random.Random(1)
    medians = sorted(statistics.median(draws.choices(ratios, k=len(ratios))) for _ in range(10_000))
    return medians[249], medians[9_749]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--patches", required=True)
    parser.add_argument("--rounds", type=int, required=True)
    for name in ("audited", "unaudited"):
        parser.add_argument(f"--{name}", nargs=2, metavar=("PROGRAM", "DATABASE_URL"), required=True)
    settings = parser.parse_args()
    patches = [open(path, "rb").read() for path in sorted(glob.glob(settings.patches + "/*.png"))]
    sides = {}
    for name, (program, url) in (("audited", settings.audited), ("unaudited", settings.unaudited)):
        sides[name] = (measure.product_side(program, url), psycopg.connect(url, autocommit=True))

    def run(name):
        side, database = sides[name]
        measure.fill(side, patches, COUNT)
        before = busy_seconds()
        rate, _ = measure.drain(side, COUNT, database)
        return rate, (busy_seconds() - before) / COUNT * 1e6

    for name in sides:
        run(name)
    measured = {name: [] for name in sides}
    for number in range(settings.rounds):
        order = list(sides) if number % 2 == 0 else list(reversed(sides))
        for name in order:
            measured[name].append(run(name))
            rate, cpu = measured[name][-1]
            print(f"  round {number + 1}: {name:9} {rate:7.0f} patches/s {cpu:7.0f} us of CPU a patch", flush=True)

    print(f"\nqueue to commit, {COUNT} patches a round, {LANES} lanes, medians:")
    for name, rounds in measured.items():
        rates, times = zip(*rounds)
        print(f"  {name:9} {statistics.median(rates):7.0f} patches/s ({min(rates):.0f} to {max(rates):.0f})"
              f" {statistics.median(times):7.0f} us of CPU a patch ({min(times):.0f} to {max(times):.0f})")
    pairs = list(zip(measured["audited"], measured["unaudited"]))
    for what, ratios in (("throughput", [ours[0] / theirs[0] for ours, theirs in pairs]),
                         ("CPU a patch", [ours[1] / theirs[1] for ours, theirs in pairs])):
        low, high = interval(ratios)
        print(f"  audited / unaudited, {what}: {statistics.median(ratios):.3f} (95 % interval {low:.3f} to {high:.3f})")


main()
