//! The only code that may change a byte on its way, case by case:
//!
//! - [`splice`]: a base-URL request. Its target and its `Host` lines are replaced; names,
//!   order, case, duplicates and framing of everything else stay.
//! - [`plain`]: a plain-HTTP proxy request. hudsucker's client writes it again: meaning kept,
//!   layout not; `Proxy-*` lines are dropped.

pub mod plain;
pub mod splice;
