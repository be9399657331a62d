//! Which exchanges a command is about.

use jiff::Timestamp;

use super::Role;
use crate::model::State;
use crate::store::{Calls, Measure, Order, Reader, Selection, StoreError, Turns};

/// Which exchanges a command is about, and which of their texts: one type for all commands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Whose texts; empty means everybody's. Only a search looks at it.
    pub role: Vec<Role>,
    /// In the app's user agent or its process name.
    pub app: Option<String>,
    /// The origin's host, or a domain that it is in.
    pub host: Option<String>,
    /// In the name of the model asked for or of the one that answered.
    pub model: Option<String>,
    /// The provider's name.
    pub provider: Option<String>,
    /// The dialect's name, or its part before the dot.
    pub dialect: Option<String>,
    /// How the exchange ended.
    pub state: Option<State>,
    /// Began at this time or later.
    pub since: Option<Timestamp>,
    /// Began before this time.
    pub until: Option<Timestamp>,
    /// The thread whose name begins so, or that has the exchange of this id; its sub-agents'
    /// threads as well.
    pub thread: Option<String>,
    /// The one exchange whose id begins or ends so.
    pub id: Option<String>,
    /// Sent this system prompt or set of tools, by the id that `prompts` lists.
    pub prompt: Option<i64>,
    /// Has this tag.
    pub tag: Option<String>,
    /// Pinned ones only, or only others.
    pub pinned: Option<bool>,
    /// What was asked for, such as `chat`.
    pub operation: Option<String>,
    /// The reply's status.
    pub status: Option<u16>,
    /// Has at least so much of each.
    pub at_least: Vec<(Measure, f64)>,
    /// In which order a list is; other questions do not look at it.
    pub order: Order,
    /// The newest so many; `None` is all.
    pub limit: Option<usize>,
}

impl Filter {
    /// The exchanges that are meant. Looks `id` and `thread` up, so that an ambiguous one is
    /// told.
    pub fn selection(&self, reader: &Reader) -> Result<Selection, StoreError> {
        let id = self.id.as_deref().map(|id| reader.find(id)).transpose()?;
        let thread = self.thread.as_deref().map(|words| reader.find_thread(words)).transpose()?;
        Ok(Selection {
            app: self.app.clone(),
            host: self.host.clone(),
            model: self.model.clone(),
            provider: self.provider.clone(),
            dialect: self.dialect.clone(),
            state: self.state,
            since: self.since,
            until: self.until,
            thread,
            id: id.map(|(_, id)| id),
            prompt: self.prompt,
            tag: self.tag.clone(),
            pinned: self.pinned,
            operation: self.operation.clone(),
            status: self.status,
            at_least: self.at_least.clone(),
            calls: Calls::All,
            turns: Turns::All,
        })
    }

    /// Whether texts of `role` are meant.
    pub fn wants(&self, role: &Role) -> bool {
        self.role.is_empty() || self.role.contains(role)
    }
}
