#!/usr/bin/env python3
"""Makes the statistics fixtures beside this script, and the table in Sources/CPatch/optical_density.h.
Needs NumPy and Pillow: python3 make_fixtures.py

NAME.png         an image
statistics.csv   NumPy's figures of each, in double precision
"""
import csv
from decimal import Decimal, getcontext
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
TABLE = HERE.parents[3] / "Sources" / "CPatch" / "optical_density.h"
COLUMNS = ("name,width,height,mean_red,mean_green,mean_blue,density_mean_red,density_mean_green,density_mean_blue,"
           "density_deviation_red,density_deviation_green,density_deviation_blue,saturation,brightness,focus,tissue")


def write_table():
    """Logarithms from decimal arithmetic with 50 digits, so that no libm has a say; -0 becomes 0."""
    getcontext().prec = 50
    values = [float(-(Decimal(v + 1) / 256).ln()) + 0.0 for v in range(256)]
    lines = [", ".join(repr(value) for value in values[i:i + 4]) for i in range(0, 256, 4)]
    TABLE.write_text("#pragma once\n"
                     "// Made by Tests/PatchClassifierTests/Fixtures/statistics/make_fixtures.py.\n\n"
                     "/// Optical density -ln((v + 1) / 256) of the value v, by Beer and Lambert.\n"
                     "static const double optical_density[256] = {\n    " + ",\n    ".join(lines) + ",\n};\n")


def figures(image):
    rgb = image.astype(np.float64)
    density = -np.log((rgb + 1) / 256)
    most, least = rgb.max(axis=2), rgb.min(axis=2)
    saturation = np.divide(most - least, most, out=np.zeros_like(most), where=most > 0)
    whole = image.astype(np.int64)
    luminance = ((77 * whole[:, :, 0] + 150 * whole[:, :, 1] + 29 * whole[:, :, 2] + 128) >> 8).astype(np.float64)
    focus = 0.0
    if min(image.shape[:2]) > 2:
        focus = (4 * luminance[1:-1, 1:-1] - luminance[:-2, 1:-1] - luminance[2:, 1:-1] - luminance[1:-1, :-2]
                 - luminance[1:-1, 2:]).var()
    tissue = (density.max(axis=2) >= 0.15).mean()
    return [*rgb.mean(axis=(0, 1)), *density.mean(axis=(0, 1)), *density.std(axis=(0, 1)), saturation.mean(),
            most.mean() / 255, focus, tissue]


def images():
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:96, 0:96]
    stains = np.stack([150 + 60 * np.sin(x / 5.0), 100 + 70 * np.cos(y / 7.0), 160 + 40 * np.sin((x + y) / 9.0)], axis=2)
    yield "tissue-like", np.clip(stains + rng.normal(0, 12, stains.shape), 0, 255)
    yield "noise", rng.integers(0, 256, (96, 96, 3))
    yield "every-value", np.stack([x * 96 + y, x + 2 * y, 3 * x + y], axis=2) % 256
    yield "black", np.zeros((96, 96, 3))
    yield "white", np.full((96, 96, 3), 255)
    yield "at-the-tissue-threshold", np.concatenate([np.full((8, 3, 3), 219), np.full((8, 5, 3), 220)], axis=1)
    yield "checkerboard", np.repeat(((np.mgrid[0:9, 0:9].sum(axis=0) % 2) * 255)[:, :, None], 3, axis=2)
    yield "wide", rng.integers(0, 256, (3, 1100, 3))
    yield "tall", rng.integers(100, 256, (700, 3, 3))
    yield "no-inner-pixels", rng.integers(0, 256, (2, 50, 3))
    yield "one-pixel", np.array([[[10, 100, 200]]])
    yield "large-noise", rng.choice([0, 255], (150, 700, 1)).repeat(3, axis=2)


def main():
    write_table()
    with open(HERE / "statistics.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS.split(","))
        for name, image in images():
            image = image.astype(np.uint8)
            Image.fromarray(image).save(HERE / f"{name}.png", optimize=True)
            writer.writerow([name, image.shape[1], image.shape[0], *(repr(float(v)) for v in figures(image))])


if __name__ == "__main__":
    main()
