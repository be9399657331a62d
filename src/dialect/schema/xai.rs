//! xAI's `xai_api.Chat`, as of `xai-sdk` 1.21. Settings of single tools are guessed at.

use super::Kind::{Bytes, Flag, Float, Guess, Many, Map, Name, Of, Text, Whole};
use super::{Names, Schema, TIME};

pub(in crate::dialect) static COMPACT_CONTEXT_RESPONSE: Schema = Schema(&[
    (1, "id", Text),
    (2, "encrypted_content", Text),
    (3, "dropped_message_count", Whole),
    (4, "usage", Of(&SAMPLING_USAGE)),
]);

pub(in crate::dialect) static COMPACT_CONTEXT_REQUEST: Schema =
    Schema(&[(1, "model", Text), (2, "input", Many(&Of(&MESSAGE)))]);

pub(in crate::dialect) static GET_DEFERRED_COMPLETION_RESPONSE: Schema = Schema(&[
    (1, "response", Of(&GET_CHAT_COMPLETION_RESPONSE)),
    (2, "status", Name(DEFERRED_STATUS)),
]);

pub(in crate::dialect) static GET_CHAT_COMPLETION_CHUNK: Schema = Schema(&[
    (1, "id", Text),
    (2, "outputs", Many(&Of(&COMPLETION_OUTPUT_CHUNK))),
    (3, "created", Of(&TIME)),
    (4, "model", Text),
    (5, "system_fingerprint", Text),
    (6, "usage", Of(&SAMPLING_USAGE)),
    (7, "citations", Many(&Text)),
    (10, "debug_output", Guess),
    (11, "output_files", Many(&Of(&OUTPUT_FILE))),
    (12, "service_tier", Name(SERVICE_TIER)),
]);

static COMPLETION_OUTPUT_CHUNK: Schema = Schema(&[
    (1, "delta", Of(&DELTA)),
    (2, "logprobs", Of(&LOG_PROBS)),
    (3, "finish_reason", Name(FINISH_REASON)),
    (4, "index", Whole),
]);

static DELTA: Schema = Schema(&[
    (1, "content", Text),
    (2, "role", Name(MESSAGE_ROLE)),
    (3, "tool_calls", Many(&Of(&TOOL_CALL))),
    (4, "reasoning_content", Text),
    (5, "encrypted_content", Text),
    (6, "citations", Many(&Of(&INLINE_CITATION))),
]);

pub(in crate::dialect) static GET_CHAT_COMPLETION_RESPONSE: Schema = Schema(&[
    (1, "id", Text),
    (2, "outputs", Many(&Of(&COMPLETION_OUTPUT))),
    (5, "created", Of(&TIME)),
    (6, "model", Text),
    (7, "system_fingerprint", Text),
    (9, "usage", Of(&SAMPLING_USAGE)),
    (10, "citations", Many(&Text)),
    (11, "settings", Guess),
    (12, "debug_output", Guess),
    (13, "output_files", Many(&Of(&OUTPUT_FILE))),
    (15, "service_tier", Name(SERVICE_TIER)),
]);

static OUTPUT_FILE: Schema = Schema(&[(1, "file_id", Text), (2, "name", Text)]);

static SAMPLING_USAGE: Schema = Schema(&[
    (1, "completion_tokens", Whole),
    (2, "prompt_tokens", Whole),
    (3, "total_tokens", Whole),
    (4, "prompt_text_tokens", Whole),
    (5, "prompt_image_tokens", Whole),
    (6, "reasoning_tokens", Whole),
    (7, "cached_prompt_text_tokens", Whole),
    (8, "num_sources_used", Whole),
    (9, "server_side_tools_used", Many(&Name(SERVER_SIDE_TOOL))),
    (11, "cost_in_usd_ticks", Whole),
]);

static COMPLETION_OUTPUT: Schema = Schema(&[
    (1, "finish_reason", Name(FINISH_REASON)),
    (2, "index", Whole),
    (3, "message", Of(&COMPLETION_MESSAGE)),
    (4, "logprobs", Of(&LOG_PROBS)),
]);

static LOG_PROBS: Schema = Schema(&[(1, "content", Many(&Of(&LOG_PROB)))]);

static LOG_PROB: Schema = Schema(&[
    (1, "token", Text),
    (2, "logprob", Float),
    (3, "bytes", Bytes),
    (4, "top_logprobs", Many(&Of(&TOP_LOG_PROB))),
]);

static TOP_LOG_PROB: Schema =
    Schema(&[(1, "token", Text), (2, "logprob", Float), (3, "bytes", Bytes)]);

static COMPLETION_MESSAGE: Schema = Schema(&[
    (1, "content", Text),
    (2, "role", Name(MESSAGE_ROLE)),
    (3, "tool_calls", Many(&Of(&TOOL_CALL))),
    (4, "reasoning_content", Text),
    (5, "encrypted_content", Text),
    (6, "citations", Many(&Of(&INLINE_CITATION))),
]);

static INLINE_CITATION: Schema = Schema(&[
    (1, "id", Text),
    (2, "start_index", Whole),
    (3, "web_citation", Of(&WEB_CITATION)),
    (4, "x_citation", Of(&X_CITATION)),
    (5, "collections_citation", Of(&COLLECTIONS_CITATION)),
    (6, "end_index", Whole),
]);

static COLLECTIONS_CITATION: Schema = Schema(&[
    (1, "file_id", Text),
    (2, "chunk_id", Text),
    (3, "chunk_content", Text),
    (4, "score", Float),
    (5, "collection_ids", Many(&Text)),
]);

static X_CITATION: Schema = Schema(&[(1, "url", Text)]);

static WEB_CITATION: Schema = Schema(&[(1, "url", Text)]);

pub(in crate::dialect) static GET_COMPLETIONS_REQUEST: Schema = Schema(&[
    (1, "messages", Many(&Of(&MESSAGE))),
    (2, "model", Text),
    (3, "frequency_penalty", Float),
    (5, "logprobs", Flag),
    (6, "top_logprobs", Whole),
    (7, "max_tokens", Whole),
    (8, "n", Whole),
    (9, "presence_penalty", Float),
    (10, "response_format", Of(&RESPONSE_FORMAT)),
    (11, "seed", Whole),
    (12, "stop", Many(&Text)),
    (14, "temperature", Float),
    (15, "top_p", Float),
    (16, "user", Text),
    (17, "tools", Many(&Of(&TOOL))),
    (18, "tool_choice", Of(&TOOL_CHOICE)),
    (19, "reasoning_effort", Name(REASONING_EFFORT)),
    (20, "search_parameters", Of(&SEARCH_PARAMETERS)),
    (21, "parallel_tool_calls", Flag),
    (22, "previous_response_id", Text),
    (23, "store_messages", Flag),
    (24, "use_encrypted_content", Flag),
    (25, "max_turns", Whole),
    (26, "include", Many(&Name(INCLUDE_OPTION))),
    (29, "agent_count", Name(AGENT_COUNT)),
    (31, "service_tier", Name(SERVICE_TIER)),
    (34, "safety_identifier", Text),
    (39, "guidelines", Many(&Guess)),
]);

static SEARCH_PARAMETERS: Schema = Schema(&[
    (1, "mode", Name(SEARCH_MODE)),
    (4, "from_date", Of(&TIME)),
    (5, "to_date", Of(&TIME)),
    (7, "return_citations", Flag),
    (8, "max_search_results", Whole),
    (9, "sources", Many(&Of(&SOURCE))),
]);

static SOURCE: Schema =
    Schema(&[(1, "web", Guess), (2, "news", Guess), (3, "x", Guess), (4, "rss", Guess)]);

static TOOL_CHOICE: Schema = Schema(&[(1, "mode", Name(TOOL_MODE)), (2, "function_name", Text)]);

static TOOL: Schema = Schema(&[
    (1, "function", Of(&FUNCTION)),
    (3, "web_search", Of(&WEB_SEARCH)),
    (4, "x_search", Of(&X_SEARCH)),
    (5, "code_execution", Of(&CODE_EXECUTION)),
    (6, "collections_search", Of(&COLLECTIONS_SEARCH)),
    (7, "mcp", Of(&MCP)),
    (8, "attachment_search", Of(&ATTACHMENT_SEARCH)),
    (10, "image_generation", Of(&IMAGE_GENERATION)),
]);

static IMAGE_GENERATION: Schema = Schema(&[(1, "action", Text)]);

static ATTACHMENT_SEARCH: Schema = Schema(&[(2, "limit", Whole)]);

static MCP: Schema = Schema(&[
    (1, "server_label", Text),
    (2, "server_description", Text),
    (3, "server_url", Text),
    (4, "allowed_tool_names", Many(&Text)),
    (5, "authorization", Text),
    (6, "extra_headers", Map(&Text)),
]);

static COLLECTIONS_SEARCH: Schema = Schema(&[
    (1, "collection_ids", Many(&Text)),
    (2, "limit", Whole),
    (3, "instructions", Text),
    (4, "hybrid_retrieval", Guess),
    (5, "semantic_retrieval", Guess),
    (6, "keyword_retrieval", Guess),
]);

static CODE_EXECUTION: Schema = Schema(&[]);

static X_SEARCH: Schema = Schema(&[
    (1, "from_date", Of(&TIME)),
    (2, "to_date", Of(&TIME)),
    (3, "allowed_x_handles", Many(&Text)),
    (4, "excluded_x_handles", Many(&Text)),
    (5, "enable_image_understanding", Flag),
    (6, "enable_video_understanding", Flag),
]);

static WEB_SEARCH: Schema = Schema(&[
    (1, "excluded_domains", Many(&Text)),
    (2, "allowed_domains", Many(&Text)),
    (3, "enable_image_understanding", Flag),
    (4, "user_location", Guess),
    (5, "enable_image_search", Flag),
]);

static FUNCTION: Schema = Schema(&[
    (1, "name", Text),
    (2, "description", Text),
    (3, "strict", Flag),
    (4, "parameters", Text),
]);

static RESPONSE_FORMAT: Schema =
    Schema(&[(1, "format_type", Name(FORMAT_TYPE)), (2, "schema", Text)]);

static MESSAGE: Schema = Schema(&[
    (1, "content", Many(&Of(&CONTENT))),
    (2, "role", Name(MESSAGE_ROLE)),
    (3, "name", Text),
    (4, "tool_calls", Many(&Of(&TOOL_CALL))),
    (5, "reasoning_content", Text),
    (6, "encrypted_content", Text),
    (7, "tool_call_id", Text),
]);

static TOOL_CALL: Schema = Schema(&[
    (1, "id", Text),
    (2, "type", Name(TOOL_CALL_TYPE)),
    (3, "status", Name(TOOL_CALL_STATUS)),
    (4, "error_message", Text),
    (10, "function", Of(&FUNCTION_CALL)),
]);

static FUNCTION_CALL: Schema = Schema(&[(1, "name", Text), (2, "arguments", Text)]);

static CONTENT: Schema = Schema(&[
    (1, "text", Text),
    (2, "image_url", Of(&IMAGE_URL_CONTENT)),
    (3, "file", Of(&FILE_CONTENT)),
]);

static FILE_CONTENT: Schema = Schema(&[
    (1, "file_id", Text),
    (2, "data", Bytes),
    (3, "filename", Text),
    (4, "mime_type", Text),
    (5, "url", Text),
]);

static IMAGE_URL_CONTENT: Schema =
    Schema(&[(1, "image_url", Text), (2, "detail", Name(IMAGE_DETAIL)), (3, "file_id", Text)]);

const IMAGE_DETAIL: Names =
    &[(0, "DETAIL_INVALID"), (1, "DETAIL_AUTO"), (2, "DETAIL_LOW"), (3, "DETAIL_HIGH")];

const MESSAGE_ROLE: Names = &[
    (0, "INVALID_ROLE"),
    (1, "ROLE_USER"),
    (2, "ROLE_ASSISTANT"),
    (3, "ROLE_SYSTEM"),
    (4, "ROLE_FUNCTION"),
    (5, "ROLE_TOOL"),
    (6, "ROLE_DEVELOPER"),
];

const TOOL_CALL_TYPE: Names = &[
    (0, "TOOL_CALL_TYPE_INVALID"),
    (1, "TOOL_CALL_TYPE_CLIENT_SIDE_TOOL"),
    (2, "TOOL_CALL_TYPE_WEB_SEARCH_TOOL"),
    (3, "TOOL_CALL_TYPE_X_SEARCH_TOOL"),
    (4, "TOOL_CALL_TYPE_CODE_EXECUTION_TOOL"),
    (5, "TOOL_CALL_TYPE_COLLECTIONS_SEARCH_TOOL"),
    (6, "TOOL_CALL_TYPE_MCP_TOOL"),
    (7, "TOOL_CALL_TYPE_ATTACHMENT_SEARCH_TOOL"),
    (10, "TOOL_CALL_TYPE_IMAGE_GENERATION_TOOL"),
];

const TOOL_CALL_STATUS: Names = &[
    (0, "TOOL_CALL_STATUS_IN_PROGRESS"),
    (1, "TOOL_CALL_STATUS_COMPLETED"),
    (2, "TOOL_CALL_STATUS_INCOMPLETE"),
    (3, "TOOL_CALL_STATUS_FAILED"),
];

const FORMAT_TYPE: Names = &[
    (0, "FORMAT_TYPE_INVALID"),
    (1, "FORMAT_TYPE_TEXT"),
    (2, "FORMAT_TYPE_JSON_OBJECT"),
    (3, "FORMAT_TYPE_JSON_SCHEMA"),
];

const TOOL_MODE: Names = &[
    (0, "TOOL_MODE_INVALID"),
    (1, "TOOL_MODE_AUTO"),
    (2, "TOOL_MODE_NONE"),
    (3, "TOOL_MODE_REQUIRED"),
];

const REASONING_EFFORT: Names = &[
    (0, "INVALID_EFFORT"),
    (1, "EFFORT_LOW"),
    (2, "EFFORT_MEDIUM"),
    (3, "EFFORT_HIGH"),
    (4, "EFFORT_NONE"),
    (5, "EFFORT_XHIGH"),
];

const SEARCH_MODE: Names = &[
    (0, "INVALID_SEARCH_MODE"),
    (1, "OFF_SEARCH_MODE"),
    (2, "ON_SEARCH_MODE"),
    (3, "AUTO_SEARCH_MODE"),
];

const INCLUDE_OPTION: Names = &[
    (0, "INCLUDE_OPTION_INVALID"),
    (1, "INCLUDE_OPTION_WEB_SEARCH_CALL_OUTPUT"),
    (2, "INCLUDE_OPTION_X_SEARCH_CALL_OUTPUT"),
    (3, "INCLUDE_OPTION_CODE_EXECUTION_CALL_OUTPUT"),
    (4, "INCLUDE_OPTION_COLLECTIONS_SEARCH_CALL_OUTPUT"),
    (5, "INCLUDE_OPTION_ATTACHMENT_SEARCH_CALL_OUTPUT"),
    (6, "INCLUDE_OPTION_MCP_CALL_OUTPUT"),
    (7, "INCLUDE_OPTION_INLINE_CITATIONS"),
    (8, "INCLUDE_OPTION_VERBOSE_STREAMING"),
    (9, "INCLUDE_OPTION_CODE_EXECUTION_FILES_OUTPUT"),
];

const AGENT_COUNT: Names =
    &[(0, "AGENT_COUNT_UNSPECIFIED"), (1, "AGENT_COUNT_4"), (2, "AGENT_COUNT_16")];

const SERVICE_TIER: Names =
    &[(0, "SERVICE_TIER_UNSPECIFIED"), (1, "SERVICE_TIER_DEFAULT"), (2, "SERVICE_TIER_PRIORITY")];

const FINISH_REASON: Names = &[
    (0, "REASON_INVALID"),
    (1, "REASON_MAX_LEN"),
    (2, "REASON_MAX_CONTEXT"),
    (3, "REASON_STOP"),
    (4, "REASON_TOOL_CALLS"),
    (5, "REASON_TIME_LIMIT"),
];

const SERVER_SIDE_TOOL: Names = &[
    (0, "SERVER_SIDE_TOOL_INVALID"),
    (1, "SERVER_SIDE_TOOL_WEB_SEARCH"),
    (2, "SERVER_SIDE_TOOL_X_SEARCH"),
    (3, "SERVER_SIDE_TOOL_CODE_EXECUTION"),
    (4, "SERVER_SIDE_TOOL_VIEW_IMAGE"),
    (5, "SERVER_SIDE_TOOL_VIEW_X_VIDEO"),
    (6, "SERVER_SIDE_TOOL_COLLECTIONS_SEARCH"),
    (7, "SERVER_SIDE_TOOL_MCP"),
    (8, "SERVER_SIDE_TOOL_ATTACHMENT_SEARCH"),
    (10, "SERVER_SIDE_TOOL_IMAGE_SEARCH"),
    (11, "SERVER_SIDE_TOOL_IMAGE_GENERATION"),
];

const DEFERRED_STATUS: Names =
    &[(0, "INVALID_DEFERRED_STATUS"), (1, "DONE"), (2, "EXPIRED"), (3, "PENDING"), (4, "FAILED")];
