//! Questions to the capture: which exchanges, what is said in them, and what it comes to.

mod anatomy;
pub mod diff;
mod egress;
mod filter;
mod grep;
mod language;
mod leaks;
mod media;
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

pub use anatomy::{Anatomy, GrownTurn, Growth, Section, Share, ToolShare, anatomy, growth};
pub use egress::{Egress, EgressFilter, egress};
pub use filter::Filter;
pub use grep::{Every, Grep, Hit, Occurrence};
pub use language::{Query, QueryError};
pub use leaks::{Leaked, Seen, leaks};
pub use media::{Picture, picture, pictures};
pub use newest::newest;
pub use pattern::{Case, Found, FoundLine, Pattern, PatternError, Syntax};
pub use product::Product;
pub use stats::{Bucket, By, Cell, Plot, Spread, Stats, Table, Width, plot, stats};
pub use threads::{Place as TurnPlace, Turn, turns};
pub use when::{WhenError, parse};

pub use crate::store::text::{Place, Role, RoleError, Text, texts};
