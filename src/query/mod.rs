//! Questions to the capture: which exchanges, and what is said in them.

mod filter;
mod grep;
mod newest;
mod pattern;
mod role;
mod text;
mod when;

#[cfg(test)]
mod tests;

pub use filter::Filter;
pub use grep::{Every, Grep, Hit};
pub use newest::newest;
pub use pattern::{Case, Found, Pattern, PatternError, Syntax};
pub use role::{Role, RoleError};
pub use text::{Place, Text, texts};
pub use when::{WhenError, parse};
