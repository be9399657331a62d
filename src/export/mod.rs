//! Exchanges out of the capture, for other programs.

pub mod jsonl;
