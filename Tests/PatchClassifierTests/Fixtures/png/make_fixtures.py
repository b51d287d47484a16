#!/usr/bin/env python3
"""Makes the PNG fixtures beside this script. Needs Pillow and NumPy: python3 make_fixtures.py

accepted/NAME.png   with accepted/NAME.rgb, the raw RGB bytes that Pillow's convert("RGB") gives
                    (16-bit grey, which Pillow clips, by the high byte)
accepted.csv        name,width,height
refused/NAME        bytes that must be refused
refused.csv         name,width,height,code     width and height are the ones to expect
"""
import csv
import io
import random
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
DEPTHS = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGB_ALPHA: (8, 16)}
NAMES = {GREY: "grey", RGB: "rgb", PALETTE: "palette", GREY_ALPHA: "grey-alpha", RGB_ALPHA: "rgb-alpha"}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(kind, content=b"", crc=None):
    crc = zlib.crc32(kind + content) if crc is None else crc
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


def header(width, height, depth=8, color=RGB, interlace=0, compression=0, filtering=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, compression, filtering, interlace))


def pack_row(row, depth):
    """Samples of one row (1-D) to bytes, most significant bits first."""
    if depth == 16:
        return row.astype(">u2").tobytes()
    if depth == 8:
        return row.astype(np.uint8).tobytes()
    bits = "".join(format(int(v), f"0{depth}b") for v in row)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def paeth(a, b, c):
    p = a + b - c
    distances = (abs(p - a), abs(p - b), abs(p - c))
    return (a, b, c)[distances.index(min(distances))]


def filtered(kind, row, above, step):
    """One row of bytes under PNG filter `kind`, with the filter byte in front."""
    out = bytearray([kind])
    for i, value in enumerate(row):
        a = row[i - step] if i >= step else 0
        b = above[i]
        c = above[i - step] if i >= step else 0
        prediction = (0, a, b, (a + b) // 2, paeth(a, b, c))[kind]
        out.append((value - prediction) & 255)
    return bytes(out)


def plain_stream(samples, depth, interlace):
    """The bytes that zlib compresses: filter types 0 to 4 in turn. samples[height, width, channels]."""
    channels = samples.shape[2]
    step = max(1, channels * depth // 8)
    stream = b""
    for x, y, dx, dy in ADAM7 if interlace else ((0, 0, 1, 1),):
        part = samples[y::dy, x::dx]
        if part.size == 0:
            continue
        above = None
        for number, row in enumerate(part):
            packed = pack_row(row.reshape(-1), depth)
            above = bytes(len(packed)) if above is None else above
            stream += filtered(number % 5, packed, above, step)
            above = packed
    return stream


def png(samples, depth=8, color=RGB, interlace=0, before=b"", after=b"", stream=None, data=None, pieces=1):
    """A PNG around `samples`; `before` and `after` are chunks around IDAT."""
    height, width = samples.shape[:2]
    if data is None:
        data = zlib.compress(plain_stream(samples, depth, interlace) if stream is None else stream, 9)
    size = -(-len(data) // pieces)
    images = b"".join(chunk(b"IDAT", data[i:i + size]) for i in range(0, len(data), size))
    return (SIGNATURE + header(width, height, depth, color, interlace) + before + images + after + chunk(b"IEND"))


def some_samples(color, depth, width=13, height=11, seed=1):
    """A gradient with noise, every value within the depth; alpha opaque."""
    rng = np.random.default_rng(seed)
    top = (1 << depth) - 1
    y, x = np.mgrid[0:height, 0:width]
    planes = [((x * (3 + c) + y * (5 - c)) * top // 97 + rng.integers(0, top + 1, x.shape) // 3) % (top + 1)
              for c in range(SAMPLES[color])]
    samples = np.stack(planes, axis=2)
    if color in (GREY_ALPHA, RGB_ALPHA):
        samples[:, :, -1] = top
    return samples


def palette(count, seed=2):
    return chunk(b"PLTE", np.random.default_rng(seed).integers(0, 256, count * 3).astype(np.uint8).tobytes())


def key(*values):
    return chunk(b"tRNS", struct.pack(f">{len(values)}H", *values))


def pillow_rgb(content, depth, color, samples):
    if depth == 16 and color == GREY:
        return np.repeat((samples[:, :, 0] >> 8).astype(np.uint8), 3).tobytes()
    return Image.open(io.BytesIO(content)).convert("RGB").tobytes()


ACCEPTED, REFUSED = [], []


def accept(name, content, samples, depth=8, color=RGB):
    height, width = samples.shape[:2]
    (HERE / "accepted" / f"{name}.png").write_bytes(content)
    (HERE / "accepted" / f"{name}.rgb").write_bytes(pillow_rgb(content, depth, color, samples))
    ACCEPTED.append((name, width, height))


def refuse(name, content, code, width=13, height=11):
    (HERE / "refused" / name).write_bytes(content)
    REFUSED.append((name, width, height, code))


def make_accepted():
    for color, depths in DEPTHS.items():
        for depth in depths:
            for interlace in (0, 1):
                samples = some_samples(color, depth)
                before = palette(1 << depth) if color == PALETTE else b""
                name = f"{NAMES[color]}-{depth}" + ("-interlaced" if interlace else "")
                accept(name, png(samples, depth, color, interlace, before), samples, depth, color)
    for width, height in ((1, 1), (2, 3), (3, 2), (5, 9), (4, 1), (1, 8), (96, 96)):
        samples = some_samples(RGB, 8, width, height)
        accept(f"rgb-8-interlaced-{width}x{height}", png(samples, interlace=1), samples)
        samples = some_samples(GREY, 1, width, height)
        accept(f"grey-1-interlaced-{width}x{height}", png(samples, 1, GREY, 1), samples, 1, GREY)

    rgb = some_samples(RGB, 8)
    bomb = zlib.compress(bytes(3_000_000), 9)
    color_chunks = (chunk(b"gAMA", struct.pack(">I", 100_000)) + chunk(b"cHRM", struct.pack(">8I", *range(1, 9)))
                    + chunk(b"pHYs", bytes(9)) + chunk(b"bKGD", bytes(6)))
    accept("gamma-and-chromaticity", png(rgb, before=color_chunks), rgb)
    accept("srgb", png(rgb, before=chunk(b"sRGB", b"\0")), rgb)
    accept("private-chunk", png(rgb, before=chunk(b"laBx", b"lab"), after=chunk(b"laBx", b"lab")), rgb)
    accept("text-and-time", png(rgb, before=chunk(b"tEXt", b"Key\0value"), after=chunk(b"tIME", bytes(7))), rgb)
    samples = rgb
    for kind, name in ((b"iCCP\0\0", "profile-bomb"), (b"zTXt\0\0", "text-bomb"), (b"iTXt\0\1\0\0\0", "itxt-bomb")):
        content = png(samples, before=chunk(kind[:4], b"n" + kind[4:] + bomb))
        (HERE / "accepted" / f"{name}.png").write_bytes(content)
        (HERE / "accepted" / f"{name}.rgb").write_bytes(rgb.astype(np.uint8).tobytes())  # Pillow refuses some bombs
        ACCEPTED.append((name, 13, 11))
    accept("image-data-in-bytes", png(rgb, pieces=10_000), rgb)
    empty = chunk(b"IDAT")
    accept("empty-image-chunks", png(rgb, before=empty, after=empty + empty), rgb)
    compressor = zlib.compressobj(0)
    accept("stored", png(rgb, data=compressor.compress(plain_stream(rgb, 8, 0)) + compressor.flush()), rgb)
    wide = some_samples(RGB, 8, 96, 96)
    data = bytearray(zlib.compress(plain_stream(wide, 8, 0), 9))
    data[0] = 0x08  # claims a window of 256 bytes
    data[1] = 31 - (data[0] * 256) % 31
    accept("understated-window", png(wide, data=bytes(data)), wide)
    accept("suggested-palette", png(rgb, before=palette(5)), rgb)

    few = some_samples(PALETTE, 2) % 3
    accept("short-palette", png(few, 2, PALETTE, 0, palette(3)), few, 2, PALETTE)
    unused = palette(4) + chunk(b"tRNS", bytes([255, 255, 255, 0]))
    accept("palette-unused-transparency", png(few, 2, PALETTE, 0, unused), few, 2, PALETTE)
    grey = some_samples(GREY, 8) % 200
    accept("grey-unused-key", png(grey, 8, GREY, 0, key(250)), grey, 8, GREY)
    accept("rgb-unused-key", png(rgb, before=key(1, 2, 3)), rgb)
    deep = some_samples(RGB, 16)
    near = key(*(int(v) ^ 1 for v in deep[0, 0]))
    accept("rgb-16-key-differs-in-low-byte", png(deep, 16, RGB, 0, near), deep, 16, RGB)


def make_transparent():
    for color in (GREY_ALPHA, RGB_ALPHA):
        for depth in (8, 16):
            for interlace in (0, 1):
                samples = some_samples(color, depth)
                samples[10, 12, -1] -= 1  # one pixel, one step
                refuse(f"alpha-{NAMES[color]}-{depth}-{interlace}.png", png(samples, depth, color, interlace),
                       "transparent")
    for depth in (1, 2, 4, 8, 16):
        samples = some_samples(GREY, depth)
        refuse(f"key-grey-{depth}.png", png(samples, depth, GREY, 0, key(int(samples[4, 4, 0]))), "transparent")
    for depth in (8, 16):
        samples = some_samples(RGB, depth)
        refuse(f"key-rgb-{depth}.png", png(samples, depth, RGB, 0, key(*map(int, samples[4, 4]))), "transparent")
    for depth in (1, 2, 4, 8):
        samples = some_samples(PALETTE, depth)
        alphas = bytes([254]) * (int(samples[4, 4, 0]) + 1)
        refuse(f"key-palette-{depth}.png", png(samples, depth, PALETTE, 0, palette(1 << depth) + chunk(b"tRNS", alphas)),
               "transparent")


def make_headers():
    rgb = some_samples(RGB, 8)
    tail = chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND")
    refuse("header-65535x65535.png", SIGNATURE + header(65535, 65535) + tail, "too_large", 96, 96)
    refuse("header-2147483647x1.png", SIGNATURE + header(2147483647, 1) + tail, "too_large", 96, 96)
    refuse("header-4097x96.png", SIGNATURE + header(4097, 96) + tail, "too_large", 96, 96)
    refuse("header-4096x4096.png", SIGNATURE + header(4096, 4096) + tail, "wrong_size", 96, 96)
    refuse("size-97x96.png", png(some_samples(RGB, 8, 97, 96)), "wrong_size", 96, 96)
    refuse("size-96x95.png", png(some_samples(RGB, 8, 96, 95)), "wrong_size", 96, 96)
    refuse("size-1x1.png", png(some_samples(RGB, 8, 1, 1)), "wrong_size", 96, 96)
    refuse("header-0x11.png", SIGNATURE + header(0, 11) + tail, "corrupt")
    for name, fields in {"depth-3": (13, 11, 3, GREY), "rgb-depth-4": (13, 11, 4, RGB),
                         "palette-depth-16": (13, 11, 16, PALETTE), "color-5": (13, 11, 8, 5),
                         "interlace-2": (13, 11, 8, RGB, 2), "compression-1": (13, 11, 8, RGB, 0, 1),
                         "filtering-64": (13, 11, 8, RGB, 0, 0, 64)}.items():
        refuse(f"header-{name}.png", SIGNATURE + header(*fields) + tail, "corrupt")
    content = png(rgb)
    refuse("header-checksum.png", content[:29] + b"\0\0\0\0" + content[33:], "corrupt")
    refuse("header-missing.png", SIGNATURE + content[33:], "corrupt")
    refuse("header-twice.png", png(rgb, before=header(13, 11)), "corrupt")
    refuse("header-of-14-bytes.png", SIGNATURE + chunk(b"IHDR", content[16:29] + b"\0") + content[33:], "corrupt")


def make_corrupt():
    rgb = some_samples(RGB, 8)
    plain = plain_stream(rgb, 8, 0)
    data = zlib.compress(plain, 9)
    content = png(rgb)
    wrong = {
        "text-mode-transfer": content.replace(b"\r\n", b"\n"),
        "trailing-byte": content + b"\0",
        "trailing-png": content + content,
        "checksum-of-image": SIGNATURE + header(13, 11) + chunk(b"IDAT", data, 1) + chunk(b"IEND"),
        "checksum-of-text": png(rgb, before=chunk(b"tEXt", b"Key\0value", 1)),
        "checksum-of-text-behind": png(rgb, after=chunk(b"tEXt", b"Key\0value", 1)),
        "checksum-of-private-chunk": png(rgb, before=chunk(b"laBx", b"lab", 1)),
        "checksum-of-end": content[:-4] + b"\0\0\0\0",
        "end-with-content": content[:-12] + chunk(b"IEND", b"x"),
        "adler": png(rgb, data=data[:-1] + bytes([data[-1] ^ 1])),
        "adler-in-bytes": png(rgb, data=data[:-1] + bytes([data[-1] ^ 1]), pieces=10_000),
        "adler-missing-in-bytes": png(rgb, data=data[:-1], pieces=10_000),
        "adler-missing": png(rgb, data=data[:-4]),
        "adler-missing-interlaced": png(rgb, interlace=1, data=zlib.compress(plain_stream(rgb, 8, 1))[:-4]),
        "filter-5": png(rgb, stream=b"\5" + plain[1:]),
        "filter-255-in-last-row": png(rgb, stream=plain[:-40] + b"\xff" + plain[-39:]),
        "too-little-data": png(rgb, stream=plain[:-1]),
        "a-row-too-little": png(rgb, stream=plain[:-40]),
        "too-much-data": png(rgb, stream=plain + b"\0"),
        "a-row-too-much": png(rgb, stream=plain + bytes(40)),
        "extra-in-same-chunk": png(rgb, data=data + b"extra"),
        "extra-in-next-chunk": png(rgb, after=chunk(b"IDAT", b"extra")),
        "second-stream": png(rgb, after=chunk(b"IDAT", data)),
        "image-bomb": png(rgb, stream=plain + bytes(2_000_000)),
        "image-data-overlong": png(rgb, data=data[:2] + b"\0\0\0\xff\xff" * 2000 + data[2:]),
        "zlib-window": png(rgb, data=b"\x88\x1c" + data[2:]),
        "zlib-dictionary": png(rgb, data=b"\x78\x20" + data[2:]),
        "deflate-block-type-3": png(rgb, data=data[:2] + b"\x07" + data[3:]),
        "no-image-data": SIGNATURE + header(13, 11) + chunk(b"IEND"),
        "empty-image-data": SIGNATURE + header(13, 11) + chunk(b"IDAT") + chunk(b"IEND"),
        "image-data-apart": (SIGNATURE + header(13, 11) + chunk(b"IDAT", data[:20]) + chunk(b"tEXt", b"Key\0value")
                             + chunk(b"IDAT", data[20:]) + chunk(b"IEND")),
        "palette-missing": png(some_samples(PALETTE, 8), 8, PALETTE),
        "palette-behind": png(some_samples(PALETTE, 8), 8, PALETTE, after=palette(256)),
        "palette-twice": png(some_samples(PALETTE, 8), 8, PALETTE, before=palette(256) * 2),
        "palette-of-10-bytes": png(some_samples(PALETTE, 8), 8, PALETTE, before=chunk(b"PLTE", bytes(10))),
        "palette-empty": png(some_samples(PALETTE, 8), 8, PALETTE, before=chunk(b"PLTE")),
        "palette-in-grey": png(some_samples(GREY, 8), 8, GREY, before=palette(4)),
        "key-with-alpha": png(some_samples(RGB_ALPHA, 8), 8, RGB_ALPHA, before=key(1, 2, 3)),
        "key-of-3-bytes": png(rgb, before=chunk(b"tRNS", b"\0\0\0")),
        "key-behind": png(rgb, after=key(1, 2, 3)),
        "critical-chunk": png(rgb, before=chunk(b"LABx", b"lab")),
        "apple": SIGNATURE + chunk(b"CgBI", bytes(4)) + content[8:],
        "chunk-type": png(rgb, before=chunk(b"te\0t", b"Key\0value")),
        "chunk-length": png(rgb, before=b"\xff\xff\xff\xff" + chunk(b"tEXt", b"Key\0value")[4:]),
    }
    for name, bad in wrong.items():
        refuse(f"{name}.png", bad, "corrupt")
    # A wrong Adler-32 behind so many empty blocks that libpng by itself does not come to it.
    wide = plain_stream(some_samples(RGB, 8, 96, 96), 8, 0)
    blocks = b"\0" + struct.pack("<HH", len(wide), len(wide) ^ 0xffff) + wide + b"\0\0\0\xff\xff" * 4000
    tail = b"\1\0\0\xff\xff" + struct.pack(">I", zlib.adler32(wide) ^ 1)
    refuse("adler-behind-empty-blocks.png", png(some_samples(RGB, 8, 96, 96), data=b"\x78\x01" + blocks + tail),
           "corrupt", 96, 96)
    for depth in (1, 2, 4, 8):
        samples = some_samples(PALETTE, depth)
        for interlace in (0, 1):
            refuse(f"palette-overrun-{depth}-{interlace}.png",
                   png(samples, depth, PALETTE, interlace, palette(int(samples.max()))), "corrupt")


def make_others():
    content = png(some_samples(RGB, 8))
    refuse("nothing", b"", "empty")
    refuse("one-byte.png", content[:1], "truncated")
    refuse("signature-alone.png", SIGNATURE, "truncated")
    refuse("end-missing.png", content[:-12], "truncated")
    refuse("half.png", content[:len(content) // 2], "truncated")
    animation = chunk(b"acTL", struct.pack(">II", 2, 0))
    refuse("animated.png", png(some_samples(RGB, 8), before=animation), "animated")
    refuse("animated-behind.png", png(some_samples(RGB, 8), after=animation), "animated")
    image = Image.fromarray(some_samples(RGB, 8, 16, 16).astype(np.uint8))
    for kind in ("jpeg", "gif", "tiff", "bmp", "webp"):
        target = io.BytesIO()
        image.save(target, kind)
        refuse(f"other.{kind}", target.getvalue(), "not_png")
    random.seed(3)
    refuse("text.txt", b"no image at all\n", "not_png")
    refuse("object.json", b'{"image_base64": ""}', "not_png")
    refuse("base64.txt", b"iVBORw0KGgoAAAANSUhEUgAAAA0AAAALCAIAAAAX1yZ0", "not_png")
    refuse("noise", bytes([1]) + random.randbytes(200), "not_png")
    refuse("zeros", bytes(300), "not_png")


def main():
    for folder in ("accepted", "refused"):
        (HERE / folder).mkdir(exist_ok=True)
        for old in (HERE / folder).iterdir():
            old.unlink()
    make_accepted()
    make_transparent()
    make_headers()
    make_corrupt()
    make_others()
    for name, columns, rows in (("accepted.csv", "name,width,height", ACCEPTED),
                                ("refused.csv", "name,width,height,code", REFUSED)):
        with open(HERE / name, "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns.split(","))
            writer.writerows(rows)


if __name__ == "__main__":
    main()
