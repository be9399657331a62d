//! Cursor's `aiserver.v1.ChatService` and `agent.v1.AgentService`, numbers as others have read
//! them out of its clients (2026-04 to 2026-07). Where a name of ours says more than Cursor's,
//! it is the one that [`unknown`](crate::dialect::unknown) looks for.

use super::Kind::{Guess, Many, Name, Of, Text, Whole};
use super::{Names, Schema};

/// `StreamUnifiedChatRequestWithTools`.
pub(in crate::dialect) static CHAT_REQUEST: Schema =
    Schema(&[(1, "request", Of(&UNIFIED_REQUEST)), (2, "tool_result", Of(&TOOL_RESULT))]);

static UNIFIED_REQUEST: Schema = Schema(&[
    (1, "messages", Many(&Of(&MESSAGE))),
    (3, "system", Of(&INSTRUCTION)),
    (5, "model", Of(&MODEL)),
    (15, "settings", Guess),
    (23, "conversation_id", Text),
    (26, "metadata", Guess),
    (34, "tools", Many(&Of(&TOOL))),
    (46, "unified_mode", Whole),
    (49, "thinking_level", Whole),
    (54, "unified_mode_name", Text),
]);

static MESSAGE: Schema = Schema(&[
    (1, "content", Text),
    (2, "role", Name(ROLE)),
    (13, "id", Text),
    (18, "tool_results", Many(&Of(&TOOL_RESULT))),
]);

const ROLE: Names = &[(1, "user"), (2, "assistant")];

static INSTRUCTION: Schema = Schema(&[(1, "text", Text)]);

static MODEL: Schema = Schema(&[(1, "name", Text)]);

static TOOL: Schema = Schema(&[
    (1, "name", Text),
    (2, "description", Text),
    (3, "parameters", Text),
    (4, "server", Text),
]);

static TOOL_RESULT: Schema = Schema(&[
    (1, "tool_call_id", Text),
    (2, "name", Text),
    (5, "arguments", Text),
    (8, "result", Guess),
]);

/// `StreamUnifiedChatResponseWithTools`.
pub(in crate::dialect) static CHAT_RESPONSE: Schema =
    Schema(&[(1, "tool_call", Of(&TOOL_CALL)), (2, "response", Of(&UNIFIED_RESPONSE))]);

static TOOL_CALL: Schema = Schema(&[(3, "id", Text), (9, "name", Text), (10, "arguments", Text)]);

static UNIFIED_RESPONSE: Schema = Schema(&[(1, "text", Text), (25, "thinking", Of(&THINKING))]);

static THINKING: Schema = Schema(&[(1, "text", Text)]);

/// `AgentClientMessage`.
pub(in crate::dialect) static AGENT_REQUEST: Schema = Schema(&[
    (1, "run", Of(&RUN)),
    (2, "exec_result", Guess),
    (3, "blob", Guess),
    (4, "action", Of(&ACTION)),
]);

static RUN: Schema = Schema(&[
    (1, "state", Guess),
    (2, "action", Of(&ACTION)),
    (3, "model", Of(&MODEL)),
    (4, "mcp", Guess),
    (5, "conversation_id", Text),
    (8, "system", Text),
    (9, "requested_model", Of(&MODEL)),
]);

static ACTION: Schema = Schema(&[(1, "user_action", Of(&USER_ACTION))]);

static USER_ACTION: Schema = Schema(&[(1, "message", Of(&USER_MESSAGE)), (2, "context", Guess)]);

static USER_MESSAGE: Schema = Schema(&[(1, "text", Text), (2, "id", Text)]);

/// `AgentServerMessage`.
pub(in crate::dialect) static AGENT_RESPONSE: Schema = Schema(&[
    (1, "update", Of(&UPDATE)),
    (2, "exec", Guess),
    (3, "checkpoint", Guess),
    (4, "blob", Guess),
]);

static UPDATE: Schema = Schema(&[
    (1, "text_delta", Of(&INSTRUCTION)),
    (2, "tool_call_started", Guess),
    (3, "tool_call_completed", Guess),
    (4, "thinking_delta", Of(&THINKING)),
    (8, "token_delta", Guess),
    (14, "turn_ended", Guess),
    (15, "tool_call_delta", Guess),
]);
