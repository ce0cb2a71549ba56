#!/usr/bin/env python3
"""Makes drift.safetensors: linear CKA of features by its definition, in numpy with 64 bits.

    python tests/goldens/make_drift.py tests/goldens/drift.safetensors

Needs numpy and safetensors. Kornblith et al. 2019, arXiv 1905.00414: with centred columns,
||Y'X||_F^2 / (||X'X||_F ||Y'Y||_F). `rotated` is x turned and scaled, which changes nothing.
"""

import sys

import numpy as np
from safetensors.numpy import save_file


def cka(x, y):
    x, y = (a.reshape(len(a), -1).astype(np.float64) for a in (x, y))
    x, y = x - x.mean(0), y - y.mean(0)
    return np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))


def main(path):
    draw = np.random.default_rng(0)
    x = draw.normal(size=(40, 3, 4, 4)) + 5
    y = 0.6 * x[:, :, :2] + draw.normal(size=(40, 3, 2, 4))
    z = draw.normal(size=(40, 17))
    turn, _ = np.linalg.qr(draw.normal(size=(48, 48)))
    features = {"x": x, "y": y, "z": z, "rotated": 3 * x.reshape(40, 48) @ turn}
    features = {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in features.items()}
    out = dict(features)
    for a, b in (("x", "y"), ("x", "z"), ("y", "z"), ("x", "rotated")):
        out[f"cka.{a}.{b}"] = np.array(cka(features[a], features[b]))
    save_file(out, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
