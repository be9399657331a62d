//! Ids of traces and spans: made of ids of exchanges, so that the same exchange has the same
//! ones whoever delivers it, however often, and a person finds it by them
//! (`overhear show` takes the beginning of an id or its end).

use uuid::Uuid;

/// The trace of a turn: the id of the exchange that began it.
pub fn trace_id(turn: Uuid) -> [u8; 16] {
    turn.into_bytes()
}

/// The span of an exchange: the last half of its id, which is random.
pub fn span_id(exchange: Uuid) -> [u8; 8] {
    let [.., a, b, c, d, e, f, g, h] = exchange.into_bytes();
    [a, b, c, d, e, f, g, h]
}

/// An id as receivers write it: in lower-case digits.
pub(super) fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The span of a tool's run: of the exchange that asked for it, the call's id, and which of its
/// calls it is.
pub fn tool_span_id(caller: Uuid, call: Option<&str>, place: usize) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"overhear tool span");
    hasher.update(caller.as_bytes());
    hasher.update(&(place as u64).to_le_bytes());
    hasher.update(call.unwrap_or_default().as_bytes());
    let mut id = [0; 8];
    hasher.finalize_xof().fill(&mut id);
    // All zeros is no id (W3C Trace Context, section 3.2.2.4).
    if id == [0; 8] { [1; 8] } else { id }
}
