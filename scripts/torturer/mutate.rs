//! Damage: bytes changed as a bad disk, a bad author and a hostile one would.

/// A small generator: the same damage for the same seed on every machine.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % sides.max(1)
    }
}

/// Words that mean something to one parser or another.
const WORDS: &[&str] = &[
    "../",
    "/",
    "\\",
    "\0",
    ".git/",
    ".GIT",
    "C:",
    "..",
    ".",
    "::",
    "ext::sh -c x",
    "--upload-pack=x",
    "-",
    "\u{202e}",
    "e\u{301}",
    "\u{e9}",
    "\u{10ffff}",
    "\r\n",
    "\n",
    "\"\"\"",
    "'''",
    "[[",
    "]]",
    "[",
    "{",
    "}",
    "#",
    "=",
    ",",
    "*",
    "+",
    "^",
    "~",
    "||",
    "<<<<<<< HEAD\n",
    "=======\n",
    ">>>>>>> x\n",
    "18446744073709551616",
    "-1",
    "0",
    "9223372036854775807",
    "1e999",
    "nan",
    "0x10",
    "99999999999999999999.99",
    "1.2.3-rc.1+build",
    "2025*",
    "2.4+",
    "null",
    "true",
    "schema",
    "\u{feff}",
    "CON",
    "a:b",
    "x ",
    "x.",
    "%2e%2e%2f",
    "PK\x01\x02",
    "PK\x05\x06",
    "ustar",
    "30 mtime=1\n",
    "GNU.sparse.major=1",
];

/// One to eight changes of a seed, sometimes with a piece of another.
pub(crate) fn damage(seed: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=dice.roll(8) {
        change(&mut bytes, other, dice);
    }
    bytes.truncate(1 << 20);
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let at = dice.roll(bytes.len() + 1);
    let span = |bytes: &[u8], at: usize, dice: &mut Dice| {
        let most = [4, 16, 64, 600][dice.roll(4)];
        at..(at + 1 + dice.roll(most)).min(bytes.len()).max(at)
    };
    match dice.roll(12) {
        0 if at < bytes.len() => bytes[at] ^= 1 << dice.roll(8),
        1 if at < bytes.len() => bytes[at] = [0, 0xff, 0x7f, 0x80, b'/', b'.', b'8', b'\n'][dice.roll(8)],
        2 => bytes.truncate(at),
        3 => {
            let part = bytes[span(bytes, at, dice)].to_vec();
            let to = dice.roll(bytes.len() + 1);
            bytes.splice(to..to, part);
        }
        4 => drop(bytes.drain(span(bytes, at, dice))),
        5 | 6 => drop(bytes.splice(at..at, WORDS[dice.roll(WORDS.len())].bytes())),
        7 => {
            let word = WORDS[dice.roll(WORDS.len())];
            let end = (at + word.len()).min(bytes.len());
            bytes.splice(at..end, word.bytes());
        }
        8 => everywhere(bytes, at, dice),
        9 => lines(bytes, dice),
        10 => {
            let from = dice.roll(other.len() + 1);
            let part = other[span(other, from, dice)].to_vec();
            bytes.splice(at..at, part);
        }
        _ => {
            // A number, a little larger or smaller, wherever one stands.
            if let Some(digit) = (at..bytes.len()).find(|at| bytes[*at].is_ascii_digit()) {
                bytes[digit] = b'0' + dice.roll(10) as u8;
            }
        }
    }
}

/// Changes a few bytes wherever they stand: so that two headers of an archive go on telling one story.
fn everywhere(bytes: &mut [u8], at: usize, dice: &mut Dice) {
    let width = 1 + dice.roll(6);
    let Some(old) = bytes.get(at..at + width).map(<[u8]>::to_vec) else { return };
    let new: Vec<u8> = old.iter().map(|byte| if dice.roll(2) == 0 { *byte } else { [0, b'.', b'/', b'-', b'g', b'\\', 0xff, b'1'][dice.roll(8)] }).collect();
    let mut from = 0;
    while from + width <= bytes.len() {
        if bytes[from..from + width] == old[..] {
            bytes[from..from + width].copy_from_slice(&new);
            from += width;
        } else {
            from += 1;
        }
    }
}

/// Lines doubled, dropped, or in another order.
fn lines(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    if lines.len() < 2 {
        return;
    }
    let (one, two) = (dice.roll(lines.len()), dice.roll(lines.len()));
    match dice.roll(3) {
        0 => lines.swap(one, two),
        1 => lines.insert(one, lines[two]),
        _ => drop(lines.remove(one)),
    }
    *bytes = lines.concat();
}

/// Makes the checksums of a tar's headers right again, wherever something looks like a header.
pub(crate) fn right_sums(bytes: &mut [u8]) {
    for block in bytes.chunks_exact_mut(512) {
        if block[257..262] == *b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}

/// A deep nest: what recursion stumbles over.
pub(crate) fn nest(dice: &mut Dice) -> Vec<u8> {
    let (open, close) = [("[", "]"), ("{\"a\":", "}"), ("a={b=", "}"), ("a.", "=1"), ("(", ")"), ("[[a.", "]]"), ("d/", ""), ("1||", "1")][dice.roll(8)];
    let depth = 1 << (4 + dice.roll(14));
    format!("{}1{}", open.repeat(depth), close.repeat(depth)).into_bytes()
}
