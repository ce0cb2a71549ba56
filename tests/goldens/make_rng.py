"""Reference values for src/nn/rng.rs from an independent ChaCha8 in plain Python. Writes rng.json beside this file.

Usage: python3 tests/goldens/make_rng.py
"""

import hashlib
import json
import math
import os
import struct

MASK = 0xFFFFFFFF


def chacha_block(key, counter, rounds):
    state = list(struct.unpack("<4I", b"expand 32-byte k")) + list(struct.unpack("<8I", key))
    state += [counter & MASK, counter >> 32, 0, 0]
    x = state[:]

    def quarter(a, b, c, d):
        for into, by, with_, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[into] = (x[into] + x[by]) & MASK
            v = x[with_] ^ x[into]
            x[with_] = ((v << turn) | (v >> (32 - turn))) & MASK

    for _ in range(rounds // 2):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return [(a + b) & MASK for a, b in zip(x, state)]


# RFC 8439, appendix A.1, test vector 1 (20 rounds, key 0, counter 0) checks the block function.
first = struct.pack("<4I", *chacha_block(bytes(32), 0, 20)[:4])
assert first.hex() == "76b8e0ada0f13d90405d6ae55386bd28", "ChaCha20 test vector"


class Stream:
    def __init__(self, seed, purpose, scope):
        purpose = purpose.encode()
        text = b"fsched stream 1\0" + struct.pack("<QQ", seed, len(purpose)) + purpose
        text += struct.pack("<Q", len(scope)) + b"".join(struct.pack("<Q", n) for n in scope)
        self.key = hashlib.sha256(text).digest()
        self.counter, self.words, self.spare = 0, [], None

    def u32(self):
        if not self.words:
            self.words = chacha_block(self.key, self.counter, 8)
            self.counter += 1
        return self.words.pop(0)

    def u64(self):
        low = self.u32()
        return low | self.u32() << 32

    def uniform(self, low, high):
        return low + (high - low) * ((self.u32() >> 8) / 2**24)

    def uniform_f64(self):
        return (self.u64() >> 11) / 2**53

    def normal(self):
        if self.spare is not None:
            value, self.spare = self.spare, None
            return value
        radius = math.sqrt(-2 * math.log(1 - self.uniform_f64()))
        angle = 2 * math.pi * self.uniform_f64()
        self.spare = radius * math.sin(angle)
        return radius * math.cos(angle)

    def below(self, n):
        while True:
            product = self.u64() * n
            if product % 2**64 >= 2**64 % n:
                return product >> 64


def stream():
    return Stream(42, "augment/crop", [7, 0, 2**64 - 1])


def draw(count, f):
    s = stream()
    return [f(s) for _ in range(count)]


def shuffled(n):
    s, items = stream(), list(range(n))
    for last in range(n - 1, 0, -1):
        other = s.below(last + 1)
        items[last], items[other] = items[other], items[last]
    return items


def chosen(n, k):
    s, found = stream(), set()
    for last in range(n - k, n):
        candidate = s.below(last + 1)
        found.add(last if candidate in found else candidate)
    return sorted(found)


def main():
    empty = Stream(0, "", [])
    golden = {
        "words": draw(40, lambda s: s.u32()),
        "empty_u64": [empty.u64() for _ in range(9)],
        "uniform": draw(8, lambda s: s.uniform(-0.5, 1.5)),
        "uniform_f64_times_2_53": draw(8, lambda s: int(s.uniform_f64() * 2**53)),
        "normal": draw(9, lambda s: s.normal()),
        "below_10": draw(16, lambda s: s.below(10)),
        "below_large": draw(16, lambda s: s.below(2**63 + 12345)),
        "shuffle_10": shuffled(10),
        "choose_12_of_100": chosen(100, 12),
    }

    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "rng.json"), "w") as file:
        json.dump(golden, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
