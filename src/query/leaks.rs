//! Which secrets the apps sent to models.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::model::App;
use crate::store::{LeakedIn, Reader, Selection, StoreError};

/// Rows read at once; no transaction is held from one page to the next.
const PAGE: usize = 1024;

/// A secret that apps sent to models in their prompts, and where; never its value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Leaked {
    /// What stands in its place, without the kind: the same secret has the same one in the
    /// whole capture.
    pub fingerprint: String,
    /// What it was known by: a shape such as `github`, a field such as `password`, or the
    /// header that it came in as well.
    pub kinds: BTreeSet<String>,
    /// Whose words it stood in: a role as `grep --role` has it, `params`, or `request` where
    /// no text of the prompt has it.
    pub places: BTreeSet<String>,
    /// How often it was said. What a conversation sends again with each turn was said once.
    pub times: u64,
    /// How many exchanges carried it.
    pub exchanges: u64,
    /// The first exchange that carried it.
    pub first: Seen,
    /// The last exchange that carried it.
    pub last: Seen,
    /// User agents that sent it, or processes that have none.
    pub apps: BTreeSet<String>,
    /// Models it was sent to.
    pub models: BTreeSet<String>,
    /// Companies it was sent to, or origins that no table has.
    pub sent_to: BTreeSet<String>,
}

/// An exchange and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Seen {
    /// When it began.
    pub started_at: Timestamp,
    /// The exchange.
    pub id: Uuid,
}

/// The secrets in the prompts of the exchanges that `selection` means, the one sent last at
/// the end.
pub fn leaks(reader: &Reader, selection: &Selection) -> Result<Vec<Leaked>, StoreError> {
    let mut secrets: BTreeMap<String, Sent> = BTreeMap::new();
    let mut after = 0;
    loop {
        let page = reader.leaks_after(selection, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        for row in page {
            let fingerprint = without_kind(&row.leak.fingerprint).to_owned();
            match secrets.get_mut(&fingerprint) {
                Some(sent) => sent.add(row),
                None => {
                    secrets.insert(fingerprint.clone(), Sent::new(fingerprint, row));
                }
            }
        }
    }
    let mut leaked: Vec<Leaked> = secrets.into_values().map(Sent::told).collect();
    leaked.sort_by_key(|leaked| leaked.last);
    Ok(leaked)
}

/// A secret while its exchanges are read.
struct Sent {
    leaked: Leaked,
    /// How often each conversation said it; an exchange outside one stands for itself.
    said: BTreeMap<Conversation, Said>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Conversation {
    Thread(i64),
    Exchange(i64),
}

/// How often a conversation said it.
#[derive(Default)]
struct Said {
    /// The exchange under way, and how often that did.
    exchange: i64,
    here: u64,
    /// The most that one exchange did.
    most: u64,
}

impl Sent {
    fn new(fingerprint: String, row: LeakedIn) -> Self {
        let seen = Seen { started_at: row.started_at, id: row.id };
        let leaked = Leaked {
            fingerprint,
            kinds: BTreeSet::new(),
            places: BTreeSet::new(),
            times: 0,
            exchanges: 0,
            first: seen,
            last: seen,
            apps: BTreeSet::new(),
            models: BTreeSet::new(),
            sent_to: BTreeSet::new(),
        };
        let mut sent = Self { leaked, said: BTreeMap::new() };
        sent.add(row);
        sent
    }

    fn add(&mut self, row: LeakedIn) {
        let LeakedIn { seq, id, started_at, thread, app, sent_to, model, leak } = row;
        let conversation = thread.map_or(Conversation::Exchange(seq), Conversation::Thread);
        let said = self.said.entry(conversation).or_default();
        let leaked = &mut self.leaked;
        if said.exchange != seq {
            *said = Said { exchange: seq, here: 0, most: said.most };
            leaked.exchanges += 1;
        }
        said.here += leak.count;
        said.most = said.most.max(said.here);
        let seen = Seen { started_at, id };
        leaked.first = leaked.first.min(seen);
        leaked.last = leaked.last.max(seen);
        leaked.kinds.insert(leak.kind);
        leaked.places.insert(leak.place);
        leaked.apps.extend(name(app));
        leaked.models.extend(model);
        leaked.sent_to.insert(sent_to);
    }

    fn told(self) -> Leaked {
        Leaked { times: self.said.values().map(|said| said.most).sum(), ..self.leaked }
    }
}

fn name(app: App) -> Option<String> {
    app.user_agent.or(app.process)
}

/// `hash..last4` of `<kind:hash..last4>`: one secret may be known by several kinds.
fn without_kind(fingerprint: &str) -> &str {
    let inner = fingerprint.trim_start_matches('<').trim_end_matches('>');
    inner.rsplit_once(':').map_or(inner, |(_, end)| end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::sample::{Capture, entry, stored, turn};
    use crate::store::{Leak, StoredExchange};

    fn leak(fingerprint: &str, place: &str, count: u64) -> Leak {
        let kind = fingerprint.trim_start_matches('<').split(':').next().unwrap_or_default();
        Leak {
            fingerprint: fingerprint.to_owned(),
            kind: kind.to_owned(),
            place: place.to_owned(),
            count,
        }
    }

    #[test]
    fn one_secret_is_told_once_with_where_it_was_first_and_last() {
        let mut capture = Capture::new();
        let sent = [
            vec![leak("<github:01234567..abcd>", "tool", 1)],
            vec![
                leak("<github:01234567..abcd>", "tool", 1),
                leak("<password:89abcdef..>", "user", 2),
            ],
            vec![leak("<authorization:01234567..abcd>", "user", 1)],
        ];
        let exchanges: Vec<StoredExchange> =
            (0..).zip(sent).map(|(n, leaks)| StoredExchange { leaks, ..stored(turn(n)) }).collect();
        let mut ids: Vec<Seen> = exchanges
            .iter()
            .map(|s| Seen { started_at: s.exchange.started_at, id: s.exchange.id })
            .collect();
        ids.sort();
        let entries: Vec<_> = exchanges.into_iter().map(entry).collect();
        capture.store.write(&entries).unwrap();
        let found = leaks(&capture.reader(), &Selection::default()).unwrap();
        let [password, key] = ["89abcdef..", "01234567..abcd"]
            .map(|of| found.iter().find(|leaked| leaked.fingerprint == of).unwrap());
        assert_eq!(found.len(), 2);
        assert_eq!((password.times, password.exchanges), (2, 1));
        assert_eq!(key.exchanges, 3);
        assert_eq!((key.first, key.last), (ids[0], ids[2]));
        assert_eq!(key.kinds.iter().collect::<Vec<_>>(), ["authorization", "github"]);
        assert_eq!(key.places.iter().collect::<Vec<_>>(), ["tool", "user"]);
        let nobody = Selection { app: Some("nobody".to_owned()), ..Selection::default() };
        assert_eq!(leaks(&capture.reader(), &nobody).unwrap(), []);
    }
}
