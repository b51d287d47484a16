#!/usr/bin/env python3
"""Makes the statistics fixtures beside this script, and the table in Sources/CPatch/optical_density.h.
Needs NumPy and Pillow: python3 make_fixtures.py

NAME.png         an image
statistics.csv   NumPy's figures of each, in double precision
stains.csv       stain vectors of each, by Macenko et al. 2009 with NumPy; nothing where there are none
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


def stain_vectors(image):
    """About 1,024 pixels, optical density of all channels at least 0.15, 1st and 99th percentile of the angle."""
    step = 1
    while step * step * 1024 < image.shape[0] * image.shape[1]:
        step += 1
    density = -np.log((image[1::step, 1::step].reshape(-1, 3).astype(np.float64) + 1) / 256)
    tissue = density[(density >= 0.15).all(axis=1)]
    if len(tissue) < max(32, 0.05 * len(density)):
        return None
    values, vectors = np.linalg.eigh(np.cov(tissue.T))
    if values[1] < 1e-4:
        return None
    plane = vectors[:, [2, 1]]
    if plane[:, 0].sum() < 0:
        plane[:, 0] *= -1
    projected = tissue @ plane
    middle = np.arctan2(*(tissue.mean(axis=0) @ plane)[::-1])
    angles = (np.arctan2(projected[:, 1], projected[:, 0]) - middle + np.pi) % (2 * np.pi) - np.pi
    ends = [plane @ [np.cos(a + middle), np.sin(a + middle)]
            for a in (np.percentile(angles, 1, method="lower"), np.percentile(angles, 99, method="higher"))]
    return sorted(ends, key=lambda end: -end[0])


def stained(rng, hematoxylin, eosin):
    """Patches of two known stains, in amounts that vary from place to place."""
    y, x = np.mgrid[0:96, 0:96]
    amounts = np.stack([np.clip(0.9 + 0.8 * np.sin(x / 3.0) * np.cos(y / 4.0), 0, None),
                        np.clip(0.6 + 0.5 * np.cos(x / 6.0 + y / 5.0), 0, None)], axis=2)
    density = amounts @ np.array([hematoxylin, eosin]) + rng.normal(0, 0.01, (96, 96, 3))
    return np.clip(np.round(256 * np.exp(-density) - 1), 0, 255)


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
    # The vectors of Ruifrok and Johnston 2001, and others.
    yield "stained", stained(rng, [0.650, 0.704, 0.286], [0.072, 0.990, 0.105])
    yield "stained-otherwise", stained(rng, [0.560, 0.720, 0.410], [0.200, 0.900, 0.390])


def main():
    write_table()
    with open(HERE / "statistics.csv", "w", newline="") as file, open(HERE / "stains.csv", "w", newline="") as stains:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS.split(","))
        stain_writer = csv.writer(stains, lineterminator="\n")
        stain_writer.writerow("name,hematoxylin_red,hematoxylin_green,eosin_red,eosin_green".split(","))
        for name, image in images():
            image = image.astype(np.uint8)
            Image.fromarray(image).save(HERE / f"{name}.png", optimize=True)
            writer.writerow([name, image.shape[1], image.shape[0], *(repr(float(v)) for v in figures(image))])
            ends = stain_vectors(image)
            stain_writer.writerow([name, *(repr(float(v)) for end in ends or [] for v in end[:2])])


if __name__ == "__main__":
    main()
