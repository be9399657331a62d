//! Looking into many messages at once.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::candidates::Candidates;
use super::look::{Look, Looked};
use crate::store::{Reader, StoreError};

/// No more messages than this are looked into by the caller's own thread: they take as long
/// as a thread and its reader take to begin.
const FEW: usize = 128;

/// Most threads; more would wait for the same disk.
const WORKERS_MAX: usize = 8;

/// Messages in the first batch and in a late one: the first hits come soon, and later ones
/// without a message between threads for each.
const BATCH: (usize, usize) = (16, 256);

/// Batches that a worker may be ahead: what is found and not yet told stays small.
const AHEAD: usize = 2;

type Batch = Vec<i64>;
type Result<T> = std::result::Result<T, StoreError>;

/// Looks into all candidates; hands each message with a hit to `dispatch`, in the order of the
/// candidates, while it looks into the next ones. Ends when `dispatch` breaks off.
pub fn scan<E: From<StoreError>>(
    reader: &Reader,
    candidates: Candidates,
    look: Look<'_>,
    mut dispatch: impl FnMut(Looked) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let workers = thread::available_parallelism().map_or(1, |cores| cores.get().min(WORKERS_MAX));
    if candidates.count <= FEW || workers == 1 {
        for id in candidates.ids {
            if let Some(looked) = look.at(reader, id)? {
                dispatch(looked)?;
            }
        }
        return Ok(());
    }
    thread::scope(|scope| {
        let mut team = Vec::new();
        for _ in 0..workers {
            let reader = reader.again()?;
            let (give, batches) = sync_channel(AHEAD);
            let (tell, take) = sync_channel(AHEAD);
            scope.spawn(move || work(&reader, look, &batches, &tell));
            team.push((give, take));
        }
        let mut batches = batches(candidates.ids);
        // Batch by batch around the team, so that answers come in the order of the batches.
        for _ in 0..AHEAD {
            for (give, _) in &team {
                hand(give, batches.next());
            }
        }
        for (give, take) in team.iter().cycle() {
            // A worker without a batch has none after it either.
            let Ok(answer) = take.recv() else { return Ok(()) };
            let Some(found) = answer? else { return Ok(()) };
            hand(give, batches.next());
            for looked in found {
                dispatch(looked)?;
            }
        }
        Ok(())
    })
}

/// What a worker tells of a batch: the messages with hits; `None` where no batch is left.
type Answer = Result<Option<Vec<Looked>>>;

fn work(
    reader: &Reader,
    look: Look<'_>,
    batches: &Receiver<Option<Batch>>,
    tell: &SyncSender<Answer>,
) {
    while let Ok(batch) = batches.recv() {
        let answer = batch
            .map(|ids| ids.into_iter().filter_map(|id| look.at(reader, id).transpose()).collect());
        // Nobody listens any more: the search was broken off.
        if tell.send(answer.transpose()).is_err() {
            return;
        }
    }
}

fn hand(give: &SyncSender<Option<Batch>>, batch: Option<Batch>) {
    // A worker that is gone has told why.
    let _ = give.send(batch);
}

fn batches(mut ids: impl Iterator<Item = i64>) -> impl Iterator<Item = Batch> {
    let mut size = BATCH.0;
    std::iter::from_fn(move || {
        let batch: Batch = ids.by_ref().take(size).collect();
        size = (size * 2).min(BATCH.1);
        (!batch.is_empty()).then_some(batch)
    })
}
