//! Server-sent events.

/// One event, as the server sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event` field; empty if there was none.
    pub name: &'a str,
    /// The `data` lines joined with LF.
    pub data: &'a str,
}
