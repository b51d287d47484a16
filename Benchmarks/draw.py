"""Draws the figures as SVG: bars with the lowest and the highest value, light and dark as the reader's screen is.

Called by sections.py, and by itself on figures that were kept: draw.py FIGURES.csv FOLDER
"""

import csv
import os
import statistics
import sys
from html import escape

STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #24292f } .head { font-weight: 600 } .small { font-size: 11px; fill: #57606a }
.ours { fill: #1f6feb } .other { fill: #afb8c1 } .range { stroke: #57606a; stroke-width: 1.5 }
.s0 { fill: #1f6feb } .s1 { fill: #54aeff } .s2 { fill: #8250df } .s3 { fill: #c297ff } .s4 { fill: #bf8700 } .s5 { fill: #cf222e }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .small { fill: #9198a1 } .other { fill: #545d68 } .range { stroke: #9198a1 } .ours, .s0 { fill: #4493f8 } }
</style>"""
LABEL, BAR, ROW, RIGHT = 325, 380, 24, 110
WIDTH = LABEL + BAR + RIGHT


def picture(path, height, title, parts):
    with open(path, "w") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
                   f'height="{height}" role="img"><title>{escape(title)}</title>{STYLE}\n' + "\n".join(parts) + "\n</svg>\n")


def text(x, y, words, kind="", anchor="start"):
    return f'<text x="{x:.0f}" y="{y:.0f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"


def bars(parts, y, head, unit, rows, ours=lambda name: True):
    """`rows`: name and values. Returns where the next group begins."""
    parts.append(text(0, y + 14, head, "head"))
    parts.append(text(WIDTH, y + 14, unit, "small", "end"))
    y += ROW
    longest = max(max(values) for _, values in rows)
    for name, values in rows:
        median = statistics.median(values)
        parts.append(text(LABEL - 10, y + 15, name, "", "end"))
        parts.append(f'<rect x="{LABEL}" y="{y + 3}" width="{median / longest * BAR:.1f}" height="{ROW - 8}" '
                     f'class="{"ours" if ours(name) else "other"}"/>')
        if len(values) > 1:
            low, high = (LABEL + value / longest * BAR for value in (min(values), max(values)))
            middle = y + 3 + (ROW - 8) / 2
            parts.append(f'<path d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 4}v8M{high:.1f} {middle - 4}v8" '
                         'class="range" fill="none"/>')
        parts.append(text(LABEL + max(values) / longest * BAR + 8, y + 15, number(median)))
        y += ROW
    return y + 14


def settings(rows, section):
    found = {}
    for row in rows:
        if row[0] == section:
            found.setdefault(row[1], []).append(float(row[4]))
    return list(found.items())


def best(rows, section):
    """The batch size at which each library is fastest."""
    fastest = {}
    for name, values in settings(rows, section):
        library = name.split(" batch ")[0]
        if library not in fastest or statistics.median(values) < statistics.median(fastest[library][1]):
            fastest[library] = (name, values)
    return sorted(fastest.values(), key=lambda row: statistics.median(row[1]))


def is_ours(name):
    return name.startswith(("sentinode", "direct", "winograd"))


def beside_peers(rows, path):
    parts, y = [], 0
    for section, head, unit in (
            ("network", "The network, one core, each at its best batch size", "us a patch, less is better"),
            ("decoding", "Decoding a PNG, one core", "us a patch, less is better"),
            ("queue to commit", "Queue to commit, two cores with broker and database on them", "patches a second, more is better")):
        found = best(rows, section) if section == "network" else settings(rows, section)
        if found:
            rows_of_bars = [(f"sentinode, {name}" if "/" in name else name, values) for name, values in found]
            y = bars(parts, y, head, unit, rows_of_bars, is_ours)
    if parts:
        picture(path, y, "Sentinode beside its peers", parts)


def stages(rows):
    """Name and microseconds of each stage of a patch; what the worker spends beyond what was timed alone is the rest."""
    spent = {name: statistics.median(values) for name, values in settings(rows, "CPU")}
    decoding, figures = dict(settings(rows, "decoding")), dict(settings(rows, "statistics"))
    # As many patches together as in a lane.
    networks = [values for name, values in settings(rows, "network") if is_ours(name) and name.endswith("batch 16")]
    if not (spent and decoding and figures and networks):
        return []
    alone = {"decode": statistics.median(decoding["sentinode"]), "classify": min(map(statistics.median, networks)),
             "image statistics": statistics.median(figures["sentinode"])}
    rest = spent["sentinode: worker"] - sum(alone.values())
    return [*alone.items(), ("all else in the worker", rest), ("database", spent["sentinode: database"]),
            ("broker", spent["sentinode: broker"])]


def breakdown(rows, path):
    found = stages(rows)
    if not found:
        return
    total = sum(value for _, value in found)
    parts = [text(0, 14, "Where the microseconds of a patch go", "head"),
             text(WIDTH, 14, f"{number(total)} us of CPU a patch", "small", "end")]
    x = 0
    for place, (name, value) in enumerate(found):
        width = value / total * WIDTH
        parts.append(f'<rect x="{x:.1f}" y="26" width="{width:.1f}" height="40" class="s{place}"/>')
        column, row = place % 3 * WIDTH / 3, 90 + place // 3 * 22
        parts.append(f'<rect x="{column:.0f}" y="{row - 11}" width="12" height="12" class="s{place}"/>')
        parts.append(text(column + 18, row, f"{name} {number(value)}"))
        x += width
    picture(path, 122, "Where the microseconds of a patch go", parts)


def sweeps(rows, path):
    parts, y = [], 0
    for section, head in (
            ("lanes", "Lanes of one process"), ("processes", "Processes"), ("batch", "Largest batch, two lanes"),
            ("payload", "What is in a message"), ("history", "Predictions stored before"),
            ("worklist", "Share put on the worklist"), ("shadow", "A version in shadow")):
        found = settings(rows, section)
        if found:
            y = bars(parts, y, head, "patches a second", found)
    if parts:
        picture(path, y, "What changes the speed of a worker", parts)


def charts(rows, folder):
    beside_peers(rows, os.path.join(folder, "peers.svg"))
    breakdown(rows, os.path.join(folder, "breakdown.svg"))
    sweeps(rows, os.path.join(folder, "sweeps.svg"))


def read(path):
    """Figures that were written before: section, setting, unit, number, value."""
    with open(path, newline="") as file:
        return [(*row[:3], int(row[3]), float(row[4])) for row in list(csv.reader(file))[1:]]


if __name__ == "__main__":
    charts(read(sys.argv[1]), sys.argv[2])
