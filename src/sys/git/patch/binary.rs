//! What `GIT binary patch` holds: base 85 of deflated bytes, whole or as a difference.

use std::io::Read as _;

use super::LARGEST_PATCH;

const DIGITS: &[u8; 85] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

/// The bytes of a file after the patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Payload {
    /// As they are.
    Whole(Vec<u8>),
    /// As a difference from those before, in the form that packs have.
    Delta(Vec<u8>),
}

/// One line: its length as a letter, then groups of five digits for four bytes.
pub(super) fn unpack_line(line: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    let (first, digits) = line.split_first()?;
    let length = match first {
        b'A'..=b'Z' => first - b'A' + 1,
        b'a'..=b'z' => first - b'a' + 27,
        _ => return None,
    };
    let mut left = usize::from(length);
    if digits.len() != left.div_ceil(4) * 5 {
        return None;
    }
    for group in digits.chunks(5) {
        let mut value: u64 = 0;
        for digit in group {
            value = value * 85 + DIGITS.iter().position(|known| known == digit)? as u64;
        }
        let four = u32::try_from(value).ok()?.to_be_bytes();
        let taken = left.min(4);
        bytes.extend_from_slice(&four[..taken]);
        left -= taken;
    }
    Some(())
}

/// Inflates to exactly this size.
pub(super) fn inflate(packed: &[u8], size: u64) -> Option<Vec<u8>> {
    if size > LARGEST_PATCH {
        return None;
    }
    let mut bytes = Vec::new();
    flate2::read::ZlibDecoder::new(packed).take(size + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 == size).then_some(bytes)
}

/// Carries out a difference: copies from `base`, and what it brings itself.
pub(super) fn apply_delta(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut rest = delta;
    let mut number = || -> Option<u64> {
        let (mut value, mut shift) = (0_u64, 0);
        loop {
            let (byte, left) = rest.split_first()?;
            rest = left;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
    };
    let (from, to) = (number()?, number()?);
    if from != base.len() as u64 || to > LARGEST_PATCH {
        return None;
    }
    let mut bytes = Vec::new();
    while let Some((command, left)) = rest.split_first() {
        rest = left;
        if command & 0x80 == 0 {
            let count = usize::from(*command);
            if count == 0 {
                return None;
            }
            bytes.extend_from_slice(rest.get(..count)?);
            rest = &rest[count..];
            continue;
        }
        let mut field = |bits: std::ops::Range<u32>| -> Option<usize> {
            let mut value = 0;
            for (place, bit) in bits.enumerate() {
                if command & (1 << bit) != 0 {
                    let (byte, left) = rest.split_first()?;
                    rest = left;
                    value |= usize::from(*byte) << (8 * place);
                }
            }
            Some(value)
        };
        let offset = field(0..4)?;
        let count = match field(4..7)? {
            0 => 0x10000,
            count => count,
        };
        bytes.extend_from_slice(base.get(offset..offset.checked_add(count)?)?);
        if bytes.len() as u64 > to {
            return None;
        }
    }
    (bytes.len() as u64 == to).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_base_85() {
        let mut bytes = Vec::new();
        assert_eq!(unpack_line(b"D00000", &mut bytes), Some(()));
        assert_eq!(bytes, [0; 4]);
        assert_eq!(unpack_line(b"D0000", &mut Vec::new()), None);
        assert_eq!(unpack_line(b"D~~~~~", &mut Vec::new()), None, "more than four bytes hold");
    }

    #[test]
    fn differences_copy_and_insert_and_never_read_beyond() {
        let base = b"0123456789";
        assert_eq!(apply_delta(base, &[10, 5, 0x91, 2, 3, 2, b'x', b'y']).as_deref(), Some(&b"234xy"[..]));
        assert_eq!(apply_delta(base, &[10, 3, 0x91, 9, 3]), None);
        assert_eq!(apply_delta(base, &[9, 3, 3, b'a', b'b', b'c']), None, "another base");
        assert_eq!(apply_delta(base, &[10, 3, 0]), None);
        assert_eq!(apply_delta(base, &[10, 3, 3, b'a']), None);
    }
}
