//! Windsurf's and Devin's `exa.api_server_pb.ApiServerService`, numbers as others have read them
//! out of its clients (2026). Names are those that
//! [`unknown`](crate::dialect::unknown) looks for, where Windsurf's say less.

use super::Kind::{Flag, Float, Guess, Many, Name, Of, Text, Whole};
use super::{Names, Schema};

/// `GetChatMessageRequest`.
pub(in crate::dialect) static REQUEST: Schema = Schema(&[
    (1, "metadata", Guess),
    (2, "system", Text),
    (3, "messages", Many(&Of(&MESSAGE))),
    (7, "request_type", Whole),
    (10, "tools", Many(&Of(&TOOL))),
    (12, "tool_choice", Of(&TOOL_CHOICE)),
    (16, "conversation_id", Text),
    (20, "planner_mode", Whole),
    (21, "model", Text),
    (22, "execution_id", Text),
]);

static MESSAGE: Schema = Schema(&[
    (1, "id", Text),
    (2, "role", Name(SOURCE)),
    (3, "content", Text),
    (4, "num_tokens", Whole),
    (6, "tool_calls", Many(&Of(&TOOL_CALL))),
    (7, "tool_call_id", Text),
    (9, "is_error", Flag),
    (10, "images", Many(&Of(&IMAGE))),
    (11, "thinking", Text),
    (12, "signature", Text),
]);

/// Windsurf's own words are `USER`, `SYSTEM` (the answers that call tools), `UNKNOWN` (the other
/// answers), `TOOL` and `SYSTEM_PROMPT`.
const SOURCE: Names =
    &[(1, "user"), (2, "assistant"), (3, "assistant"), (4, "tool"), (5, "system")];

static IMAGE: Schema =
    Schema(&[(1, "base64_data", Text), (2, "mime_type", Text), (3, "caption", Text)]);

static TOOL: Schema = Schema(&[
    (1, "name", Text),
    (2, "description", Text),
    (3, "parameters", Text),
    (4, "strict", Flag),
]);

static TOOL_CHOICE: Schema = Schema(&[(1, "option_name", Text), (2, "tool_name", Text)]);

static TOOL_CALL: Schema = Schema(&[(1, "id", Text), (2, "name", Text), (3, "arguments", Text)]);

/// `GetChatMessageResponse`, a piece of the stream.
pub(in crate::dialect) static RESPONSE: Schema = Schema(&[
    (1, "id", Text),
    (2, "created", Guess),
    (3, "delta", Text),
    (4, "delta_tokens", Whole),
    (5, "stop_reason", Name(STOP_REASON)),
    (6, "tool_calls", Many(&Of(&TOOL_CALL))),
    (9, "thinking", Text),
    (28, "metrics", Of(&METRICS)),
]);

/// Others tell how a completion of code ended.
const STOP_REASON: Names =
    &[(2, "STOP_PATTERN"), (3, "MAX_TOKENS"), (10, "FUNCTION_CALL"), (11, "CONTENT_FILTER")];

static METRICS: Schema = Schema(&[(2, "counts", Many(&Of(&METRIC)))]);

static METRIC: Schema = Schema(&[(4, "value", Of(&NUMBER)), (5, "name", Text)]);

static NUMBER: Schema = Schema(&[(2, "float", Float)]);
