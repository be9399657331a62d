//! All that is played, and what went wrong on the way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::case::{Case, MARK};
use super::socket::Socket;

/// How long one exchange may take: only a fault makes it take so long.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The exchanges and the sockets, in the order of their numbers.
pub struct Script {
    pub cases: Vec<Arc<Case>>,
    pub sockets: Vec<Arc<Socket>>,
    faults: Mutex<BTreeMap<usize, Vec<String>>>,
}

/// What a number stands for.
pub enum Scene {
    Exchange(Arc<Case>),
    Socket(Arc<Socket>),
}

impl Script {
    pub fn new(cases: Vec<Case>, sockets: Vec<Socket>) -> Self {
        let cases = cases.into_iter().map(Arc::new).collect();
        let sockets = sockets.into_iter().map(Arc::new).collect();
        Self { cases, sockets, faults: Mutex::default() }
    }

    /// What goes on the wire for a mark, the value of the header [`MARK`].
    pub fn scene(&self, mark: &str) -> Scene {
        let number: usize = mark.parse().unwrap_or_else(|_| panic!("{MARK} is `{mark}`"));
        match self.cases.get(number) {
            Some(case) => Scene::Exchange(Arc::clone(case)),
            None => Scene::Socket(Arc::clone(&self.sockets[number - self.cases.len()])),
        }
    }

    /// Notes what went wrong with an exchange.
    pub fn fault(&self, number: usize, what: impl Into<String>) {
        self.faults.lock().unwrap().entry(number).or_default().push(what.into());
    }

    /// What went wrong with an exchange.
    pub fn faults(&self, number: usize) -> Vec<String> {
        self.faults.lock().unwrap().get(&number).cloned().unwrap_or_default()
    }
}
