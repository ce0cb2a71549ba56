//! Files with random damage, the same for the same seed.

/// SplitMix64 (Steele, Lea and Flood 2014).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Less than `n`, or 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Numbers that programs get wrong.
const EXTREMES: [u64; 14] = [
    0,
    1,
    2,
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0x00ff_ffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0xffff_ffff_ffff_fff8,
    u64::MAX,
];

/// What texts get wrong.
const TEXTS: [&str; 16] = [
    "18446744073709551615",
    "18446744073709551616",
    "-1",
    "1e999",
    "0.5",
    "null",
    "[]",
    "{}",
    "\"\"",
    "\\u0000",
    "\\ud800",
    "\u{1b}[2J",
    "\u{feff}",
    "..",
    "/",
    "\n",
];

/// One to four changes.
pub fn mutant(random: &mut Random, honest: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = honest.to_vec();
    for _ in 0..=random.below(4) {
        change(random, &mut bytes, other);
    }
    bytes
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = random.below(bytes.len());
    match random.below(12) {
        0 => bytes.truncate(at),
        1 => flip(random, bytes, at),
        2 | 3 => number(random, bytes, at),
        // Headers stand at the beginning.
        4 | 5 => {
            let start = random.below(bytes.len().min(64));
            number(random, bytes, start);
        }
        6 => {
            let more = (0..random.below(300)).map(|_| random.next() as u8).collect::<Vec<_>>();
            bytes.extend(more);
        }
        7 => splice(random, bytes, at, other),
        8 => {
            let end = (at + random.below(40)).min(bytes.len());
            let part = bytes[at.min(end)..end].repeat(random.below(200));
            bytes.splice(at..at, part);
        }
        9 => {
            let end = (at + random.below(20)).min(bytes.len());
            bytes.drain(at.min(end)..end);
        }
        10 => {
            let text = TEXTS[random.below(TEXTS.len())];
            let digits = bytes[at.min(bytes.len())..].iter().take_while(|b| b.is_ascii_digit()).count();
            bytes.splice(at..at + digits, text.bytes());
        }
        _ => {
            let open = [&b"["[..], b"{\"a\":", b"(", b"{\n"][random.below(4)];
            bytes.splice(at..at, open.repeat(random.below(20_000)));
        }
    }
}

fn flip(random: &mut Random, bytes: &mut [u8], at: usize) {
    for n in 0..=random.below(8) {
        let place = if n == 0 { at } else { random.below(bytes.len()) };
        if let Some(byte) = bytes.get_mut(place) {
            *byte ^= 1 << random.below(8);
        }
    }
}

/// A number of one to eight bytes in either order.
fn number(random: &mut Random, bytes: &mut [u8], at: usize) {
    let number = EXTREMES[random.below(EXTREMES.len())];
    let width = [1, 2, 4, 8][random.below(4)];
    let mut written = number.to_le_bytes()[..width].to_vec();
    if random.below(2) == 0 {
        written.reverse();
    }
    for (byte, new) in bytes.iter_mut().skip(at).zip(written) {
        *byte = new;
    }
}

/// A part of another file in the place of a part of this one.
fn splice(random: &mut Random, bytes: &mut Vec<u8>, at: usize, other: &[u8]) {
    let from = random.below(other.len());
    let part = other[from..].iter().take(random.below(100)).copied().collect::<Vec<_>>();
    let end = (at + random.below(100)).min(bytes.len());
    bytes.splice(at.min(end)..end, part);
}
