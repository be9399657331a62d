#![cfg(test)]
//! What belongs together: invented conversations with their ids hidden, linked as they are
//! stored, and compared with what the app that led them knows.

mod cases;
mod crowd;
pub mod stage;
