//! Prose, Chinese and code out of chance that is the same in every run.
//!
//! Words of a vocabulary by Zipf's law, joined to sentences: zstd makes of one such text about
//! what it makes of a real one of the same length (the table's first lines say so).

/// Numbers that look drawn by lot and follow from a seed (xorshift64*).
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() >> 33) as usize % end
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn letters(&mut self, count: usize, alphabet: &[u8]) -> String {
        (0..count).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[5]).collect()
    }
}

/// Words, the frequent ones first.
pub struct Vocabulary {
    words: Vec<String>,
}

impl Vocabulary {
    pub fn english() -> Self {
        const HEADS: [&str; 24] = [
            "", "b", "c", "d", "f", "g", "h", "l", "m", "n", "p", "r", "s", "t", "th", "st", "tr",
            "w", "v", "pr", "ch", "sh", "gr", "k",
        ];
        const HEARTS: [&str; 12] =
            ["a", "e", "i", "o", "u", "ea", "ou", "ai", "e", "io", "a", "ee"];
        const TAILS: [&str; 16] =
            ["", "n", "r", "s", "t", "l", "nd", "ng", "", "ss", "rt", "m", "ck", "st", "", "d"];
        let mut chance = Chance::new(1);
        let word = |chance: &mut Chance| {
            let syllables = 1 + chance.below(3);
            (0..syllables)
                .map(|_| {
                    let [head, heart, tail] =
                        [HEADS.as_slice(), &HEARTS, &TAILS].map(|of| of[chance.below(of.len())]);
                    format!("{head}{heart}{tail}")
                })
                .collect()
        };
        Self { words: (0..20_000).map(|_| word(&mut chance)).collect() }
    }

    pub fn chinese() -> Self {
        let mut chance = Chance::new(2);
        // Frequent characters are few: half of a text is made of a hundred.
        let character = |chance: &mut Chance| {
            let rank = (3000_f64.powf(chance.share())) as u32;
            char::from_u32(0x4e00 + rank * 6).unwrap_or('的')
        };
        let words = (0..12_000)
            .map(|_| (0..1 + chance.below(2)).map(|_| character(&mut chance)).collect())
            .collect();
        Self { words }
    }

    fn word(&self, chance: &mut Chance) -> &str {
        let rank = (self.words.len() as f64).powf(chance.share());
        &self.words[(rank as usize - 1).min(self.words.len() - 1)]
    }

    /// About `length` bytes of sentences.
    pub fn prose(&self, chance: &mut Chance, length: usize) -> String {
        let is_chinese = !self.words[0].is_ascii();
        let [space, stop, paragraph] =
            if is_chinese { ["", "。", "。\n\n"] } else { [" ", ". ", ".\n\n"] };
        let mut text = String::with_capacity(length + 64);
        while text.len() < length {
            let words = 6 + chance.below(14);
            for n in 0..words {
                if n > 0 {
                    text.push_str(space);
                }
                text.push_str(self.word(chance));
                if chance.below(12) == 0 {
                    text.push_str(if is_chinese { "，" } else { "," });
                }
            }
            text.push_str(if chance.below(5) == 0 { paragraph } else { stop });
        }
        text
    }

    /// About `length` bytes that look like the output of a tool: paths, numbers, code.
    pub fn code(&self, chance: &mut Chance, length: usize) -> String {
        let mut text = String::with_capacity(length + 128);
        let mut line = 1 + chance.below(400);
        while text.len() < length {
            line += 1;
            let [a, b, c, d] = [0; 4].map(|_| self.word(chance));
            let number = chance.below(100_000);
            text.push_str(&match chance.below(6) {
                0 => format!("{line:>6}\u{2192}    let {a}_{b} = self.{c}(\"{d}\", {number})?;\n"),
                1 => format!("{line:>6}\u{2192}    // {a} {b} {c} {d}\n"),
                2 => format!("src/{a}/{b}.rs:{number}: {c}::{d}\n"),
                3 => format!("{line:>6}\u{2192}    if {a}.{b}() && {c} != {number} {{\n"),
                4 => format!("{line:>6}\u{2192}        return Err({a}::{b} {{ {c}, {d} }});\n"),
                _ => format!("{:016x} {a}\t{b}/{c}\n", chance.next()),
            });
        }
        text
    }
}
