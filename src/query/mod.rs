//! Questions to the capture: which exchanges, what is said in them, and what it comes to.

mod anatomy;
pub mod diff;
mod filter;
mod grep;
mod leaks;
mod newest;
mod pattern;
mod product;
pub mod prompts;
mod search;
mod stats;
mod threads;
mod when;

#[cfg(test)]
mod tests;

pub use anatomy::{Anatomy, Section, Share, ToolShare, anatomy};
pub use filter::Filter;
pub use grep::{Every, Grep, Hit, Occurrence};
pub use leaks::{Leaked, Seen, leaks};
pub use newest::newest;
pub use pattern::{Case, Found, FoundLine, Pattern, PatternError, Syntax};
pub use product::Product;
pub use stats::{By, Spread, Stats, Table, stats};
pub use threads::{Place as TurnPlace, Turn, turns};
pub use when::{WhenError, parse};

pub use crate::store::text::{Place, Role, RoleError, Text, texts};
