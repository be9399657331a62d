//! The Huffman code of RFC 7541, Appendix B.

use super::Fault;

/// The code is canonical: codes of a length count up in this order of their symbols, and each
/// length goes on where the one before it stopped. So this is all of it but the code that is
/// left over, thirty ones, which ends nothing and may not occur.
const CODES: [(u32, &[u8]); LENGTHS] = [
    (5, b"012aceiost"),
    (6, b" %-./3456789=A_bdfghlmnpru"),
    (7, b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
    (8, b"&*,;XZ"),
    (10, b"!\"()?"),
    (11, b"'+|"),
    (12, b"#>"),
    (13, b"\0$@[]~"),
    (14, b"^}"),
    (15, b"<`{"),
    (19, b"\\\xc3\xd0"),
    (20, b"\x80\x82\x83\xa2\xb8\xc2\xe0\xe2"),
    (21, b"\x99\xa1\xa7\xac\xb0\xb1\xb3\xd1\xd8\xd9\xe3\xe5\xe6"),
    (
        22,
        b"\x81\x84\x85\x86\x88\x92\x9a\x9c\xa0\xa3\xa4\xa9\xaa\xad\xb2\xb5\xb9\xba\xbb\xbd\xbe\
          \xc4\xc6\xe4\xe8\xe9",
    ),
    (
        23,
        b"\x01\x87\x89\x8a\x8b\x8c\x8d\x8f\x93\x95\x96\x97\x98\x9b\x9d\x9e\xa5\xa6\xa8\xae\xaf\
          \xb4\xb6\xb7\xbc\xbf\xc5\xe7\xef",
    ),
    (24, b"\x09\x8e\x90\x91\x94\x9f\xab\xce\xd7\xe1\xec\xed"),
    (25, b"\xc7\xcf\xea\xeb"),
    (26, b"\xc0\xc1\xc8\xc9\xca\xcd\xd2\xd5\xda\xdb\xee\xf0\xf2\xf3\xff"),
    (27, b"\xcb\xcc\xd3\xd4\xd6\xdd\xde\xdf\xf1\xf4\xf5\xf6\xf7\xf8\xfa\xfb\xfc\xfd\xfe"),
    (
        28,
        b"\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x17\x18\x19\x1a\
          \x1b\x1c\x1d\x1e\x1f\x7f\xdc\xf9",
    ),
    (30, b"\x0a\x0d\x16"),
];

/// How many lengths of code there are.
const LENGTHS: usize = 21;

/// The codes of one length. Codes are compared as the uppermost bits of 32.
#[derive(Clone, Copy)]
struct Length {
    bits: u32,
    /// The first code.
    first: u32,
    /// What follows the last code.
    end: u32,
    symbols: &'static [u8],
}

/// The lengths, shortest first: so a code is of the first length whose end it is below.
const TABLE: [Length; LENGTHS] = table();

#[expect(clippy::indexing_slicing, reason = "runs at compile time, where it cannot panic unseen")]
const fn table() -> [Length; LENGTHS] {
    let mut table = [Length { bits: 0, first: 0, end: 0, symbols: &[] }; LENGTHS];
    let mut first = 0;
    let mut at = 0;
    while at < LENGTHS {
        let (bits, symbols) = CODES[at];
        let end = first + ((symbols.len() as u32) << (u32::BITS - bits));
        table[at] = Length { bits, first, end, symbols };
        first = end;
        at += 1;
    }
    table
}

/// Decodes a string. It may be padded with up to seven ones.
pub(super) fn decode(coded: &[u8]) -> Result<Vec<u8>, Fault> {
    // The shortest code has five bits.
    let mut text = Vec::with_capacity(coded.len() * 8 / 5);
    let mut coded = coded.iter();
    // The bits that were read and not decoded are the lowest `held` of `window`.
    let (mut window, mut held) = (0_u64, 0_u32);
    loop {
        while held < u32::BITS
            && let Some(byte) = coded.next()
        {
            window = window << 8 | u64::from(*byte);
            held += 8;
        }
        let (next, missing) = match held.checked_sub(u32::BITS) {
            Some(more) => (window >> more, 0),
            None => (window << (u32::BITS - held), u32::BITS - held),
        };
        // As if padded for ever: ones are no code.
        let next = (next & u64::from(u32::MAX)) as u32 | ((1_u64 << missing) - 1) as u32;
        let found = TABLE.iter().find(|length| next < length.end);
        let Some(length) = found.filter(|length| length.bits <= held) else {
            let is_padding = found.is_none() && held < 8;
            return if is_padding { Ok(text) } else { Err(Fault::Huffman) };
        };
        let place = (next - length.first) >> (u32::BITS - length.bits);
        text.push(*length.symbols.get(place as usize).ok_or(Fault::Huffman)?);
        held -= length.bits;
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn encode(text: &[u8]) -> Vec<u8> {
        let mut coded = Vec::new();
        let (mut window, mut held) = (0_u64, 0);
        for byte in text {
            let place = |length: &&Length| length.symbols.contains(byte);
            let length = TABLE.iter().find(place).unwrap();
            let at = length.symbols.iter().position(|symbol| symbol == byte).unwrap();
            let code = (length.first >> (32 - length.bits)) + at as u32;
            window = window << length.bits | u64::from(code);
            held += length.bits;
            while held >= 8 {
                held -= 8;
                coded.push((window >> held) as u8);
            }
        }
        if held > 0 {
            coded.push((window << (8 - held)) as u8 | (0xff >> held) as u8);
        }
        coded
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let all: Vec<u8> = (0..=255).collect();
        for text in [&all[..], b"", b"a", b"/v1/messages?beta=true", &[0; 1000]] {
            assert_eq!(decode(&encode(text)), Ok(text.to_vec()));
        }
    }

    #[test]
    fn strings() {
        for (rule, coded, expected) in [
            (
                "RFC 7541 C.4.1",
                &b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"[..],
                Ok(&b"www.example.com"[..]),
            ),
            ("RFC 7541 C.4.2", b"\xa8\xeb\x10\x64\x9c\xbf", Ok(b"no-cache")),
            ("nothing", b"", Ok(b"")),
            ("no padding", b"\x00\x00\x00\x00\x00", Ok(b"00000000")),
            ("padding of seven ones", b"\xf8\xff", Err(Fault::Huffman)),
            ("one symbol and three ones", b"\x07", Ok(b"0")),
            ("padding of zeros", b"\x00", Err(Fault::Huffman)),
            ("padding of eight ones", b"\xff", Err(Fault::Huffman)),
            ("the code that ends nothing", b"\xff\xff\xff\xff", Err(Fault::Huffman)),
            ("the longest code", b"\xff\xff\xff\xf3", Ok(b"\n")),
            ("a code that is cut", b"\xff\xff\xff", Err(Fault::Huffman)),
        ] {
            assert_eq!(decode(coded), expected.map(<[u8]>::to_vec), "{rule}");
        }
    }

    #[test]
    fn every_byte_has_one_code() {
        let mut symbols: Vec<u8> =
            CODES.iter().flat_map(|(_, symbols)| *symbols).copied().collect();
        symbols.sort_unstable();
        assert_eq!(symbols, (0..=255).collect::<Vec<u8>>());
        assert_eq!(TABLE[LENGTHS - 1].end, 0xffff_fffc, "what is left over is thirty ones");
    }
}
