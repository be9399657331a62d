//! `google.cloud.aiplatform.v1beta1.PredictionService`, as of `google-cloud-aiplatform` 2.7; `v1`
//! has the same numbers. The names are those of JSON; what says nothing of the words is guessed at.

use super::Kind::{
    Bytes, Double, Flag, Float, Guess, Json, Many, Map, Name, Of, Struct, Text, Whole,
};
use super::{Names, Schema, TIME};

pub(in crate::dialect) static COUNT_TOKENS_RESPONSE: Schema = Schema(&[
    (1, "totalTokens", Whole),
    (2, "totalBillableCharacters", Whole),
    (3, "promptTokensDetails", Many(&Of(&MODALITY_TOKEN_COUNT))),
]);

pub(in crate::dialect) static COUNT_TOKENS_REQUEST: Schema = Schema(&[
    (1, "endpoint", Text),
    (2, "instances", Many(&Json)),
    (3, "model", Text),
    (4, "contents", Many(&Of(&CONTENT))),
    (5, "systemInstruction", Of(&CONTENT)),
    (6, "tools", Many(&Of(&TOOL))),
    (7, "generationConfig", Of(&GENERATION_CONFIG)),
]);

pub(in crate::dialect) static GENERATE_CONTENT_RESPONSE: Schema = Schema(&[
    (2, "candidates", Many(&Of(&CANDIDATE))),
    (3, "promptFeedback", Of(&GENERATE_CONTENT_RESPONSE_PROMPT_FEEDBACK)),
    (4, "usageMetadata", Of(&GENERATE_CONTENT_RESPONSE_USAGE_METADATA)),
    (11, "modelVersion", Text),
    (12, "createTime", Of(&TIME)),
    (13, "responseId", Text),
]);

static GENERATE_CONTENT_RESPONSE_USAGE_METADATA: Schema = Schema(&[
    (1, "promptTokenCount", Whole),
    (2, "candidatesTokenCount", Whole),
    (3, "totalTokenCount", Whole),
    (5, "cachedContentTokenCount", Whole),
    (9, "promptTokensDetails", Many(&Of(&MODALITY_TOKEN_COUNT))),
    (10, "cacheTokensDetails", Many(&Of(&MODALITY_TOKEN_COUNT))),
    (11, "candidatesTokensDetails", Many(&Of(&MODALITY_TOKEN_COUNT))),
    (14, "thoughtsTokenCount", Whole),
]);

static MODALITY_TOKEN_COUNT: Schema =
    Schema(&[(1, "modality", Name(MODALITY)), (2, "tokenCount", Whole)]);

static GENERATE_CONTENT_RESPONSE_PROMPT_FEEDBACK: Schema = Schema(&[
    (1, "blockReason", Name(GENERATE_CONTENT_RESPONSE_PROMPT_FEEDBACK_BLOCKED_REASON)),
    (2, "safetyRatings", Many(&Of(&SAFETY_RATING))),
    (3, "blockReasonMessage", Text),
]);

static CANDIDATE: Schema = Schema(&[
    (1, "index", Whole),
    (2, "content", Of(&CONTENT)),
    (3, "finishReason", Name(CANDIDATE_FINISH_REASON)),
    (4, "safetyRatings", Many(&Of(&SAFETY_RATING))),
    (5, "finishMessage", Text),
    (6, "citationMetadata", Of(&CITATION_METADATA)),
    (7, "groundingMetadata", Of(&GROUNDING_METADATA)),
    (9, "avgLogprobs", Double),
    (10, "logprobsResult", Guess),
    (11, "urlContextMetadata", Guess),
]);

static GROUNDING_METADATA: Schema = Schema(&[
    (1, "webSearchQueries", Many(&Text)),
    (3, "retrievalQueries", Many(&Text)),
    (4, "searchEntryPoint", Of(&SEARCH_ENTRY_POINT)),
    (5, "groundingChunks", Many(&Of(&GROUNDING_CHUNK))),
    (6, "groundingSupports", Many(&Of(&GROUNDING_SUPPORT))),
    (7, "retrievalMetadata", Guess),
    (8, "googleMapsWidgetContextToken", Text),
    (9, "sourceFlaggingUris", Many(&Guess)),
]);

static GROUNDING_SUPPORT: Schema = Schema(&[
    (1, "segment", Of(&SEGMENT)),
    (2, "groundingChunkIndices", Many(&Whole)),
    (3, "confidenceScores", Many(&Float)),
]);

static SEGMENT: Schema = Schema(&[
    (1, "partIndex", Whole),
    (2, "startIndex", Whole),
    (3, "endIndex", Whole),
    (4, "text", Text),
]);

static GROUNDING_CHUNK: Schema = Schema(&[
    (1, "web", Of(&GROUNDING_CHUNK_WEB)),
    (2, "retrievedContext", Of(&GROUNDING_CHUNK_RETRIEVED_CONTEXT)),
    (3, "maps", Guess),
]);

static GROUNDING_CHUNK_RETRIEVED_CONTEXT: Schema = Schema(&[
    (1, "uri", Text),
    (2, "title", Text),
    (3, "text", Text),
    (4, "ragChunk", Guess),
    (6, "documentName", Text),
]);

static GROUNDING_CHUNK_WEB: Schema = Schema(&[(1, "uri", Text), (2, "title", Text)]);

static SEARCH_ENTRY_POINT: Schema = Schema(&[(1, "renderedContent", Text), (2, "sdkBlob", Bytes)]);

static CITATION_METADATA: Schema = Schema(&[(1, "citations", Many(&Of(&CITATION)))]);

static CITATION: Schema = Schema(&[
    (1, "startIndex", Whole),
    (2, "endIndex", Whole),
    (3, "uri", Text),
    (4, "title", Text),
    (5, "license", Text),
    (6, "publicationDate", Guess),
]);

static SAFETY_RATING: Schema = Schema(&[
    (1, "category", Name(HARM_CATEGORY)),
    (2, "probability", Name(SAFETY_RATING_HARM_PROBABILITY)),
    (3, "blocked", Flag),
    (5, "probabilityScore", Float),
    (6, "severity", Name(SAFETY_RATING_HARM_SEVERITY)),
    (7, "severityScore", Float),
]);

pub(in crate::dialect) static GENERATE_CONTENT_REQUEST: Schema = Schema(&[
    (2, "contents", Many(&Of(&CONTENT))),
    (3, "safetySettings", Many(&Of(&SAFETY_SETTING))),
    (4, "generationConfig", Of(&GENERATION_CONFIG)),
    (5, "model", Text),
    (6, "tools", Many(&Of(&TOOL))),
    (7, "toolConfig", Of(&TOOL_CONFIG)),
    (8, "systemInstruction", Of(&CONTENT)),
    (9, "cachedContent", Text),
    (10, "labels", Map(&Text)),
    (11, "modelArmorConfig", Guess),
]);

static TOOL_CONFIG: Schema = Schema(&[
    (1, "functionCallingConfig", Of(&FUNCTION_CALLING_CONFIG)),
    (2, "retrievalConfig", Guess),
]);

static FUNCTION_CALLING_CONFIG: Schema = Schema(&[
    (1, "mode", Name(FUNCTION_CALLING_CONFIG_MODE)),
    (2, "allowedFunctionNames", Many(&Text)),
    (4, "streamFunctionCallArguments", Flag),
]);

static TOOL: Schema = Schema(&[
    (1, "functionDeclarations", Many(&Of(&FUNCTION_DECLARATION))),
    (2, "retrieval", Guess),
    (3, "googleSearchRetrieval", Guess),
    (4, "codeExecution", Of(&TOOL_CODE_EXECUTION)),
    (5, "googleMaps", Guess),
    (6, "enterpriseWebSearch", Guess),
    (7, "googleSearch", Guess),
    (10, "urlContext", Guess),
    (11, "computerUse", Guess),
    (13, "parallelAiSearch", Guess),
    (15, "exaAiSearch", Guess),
]);

static TOOL_CODE_EXECUTION: Schema = Schema(&[]);

static FUNCTION_DECLARATION: Schema = Schema(&[
    (1, "name", Text),
    (2, "description", Text),
    (3, "parameters", Of(&SCHEMA)),
    (4, "response", Of(&SCHEMA)),
    (5, "parametersJsonSchema", Json),
    (6, "responseJsonSchema", Json),
]);

static GENERATION_CONFIG: Schema = Schema(&[
    (1, "temperature", Float),
    (2, "topP", Float),
    (3, "topK", Float),
    (4, "candidateCount", Whole),
    (5, "maxOutputTokens", Whole),
    (6, "stopSequences", Many(&Text)),
    (7, "logprobs", Whole),
    (8, "presencePenalty", Float),
    (9, "frequencyPenalty", Float),
    (12, "seed", Whole),
    (13, "responseMimeType", Text),
    (16, "responseSchema", Of(&SCHEMA)),
    (17, "routingConfig", Guess),
    (18, "responseLogprobs", Flag),
    (20, "audioTimestamp", Flag),
    (21, "responseModalities", Many(&Name(GENERATION_CONFIG_MODALITY))),
    (22, "mediaResolution", Name(GENERATION_CONFIG_MEDIA_RESOLUTION)),
    (23, "speechConfig", Guess),
    (25, "thinkingConfig", Of(&GENERATION_CONFIG_THINKING_CONFIG)),
    (27, "modelConfig", Guess),
    (28, "responseJsonSchema", Json),
    (30, "imageConfig", Of(&IMAGE_CONFIG)),
]);

static IMAGE_CONFIG: Schema = Schema(&[(2, "aspectRatio", Text)]);

static GENERATION_CONFIG_THINKING_CONFIG: Schema =
    Schema(&[(1, "includeThoughts", Flag), (3, "thinkingBudget", Whole)]);

static SCHEMA: Schema = Schema(&[
    (1, "type", Name(TYPE)),
    (2, "items", Of(&SCHEMA)),
    (3, "properties", Map(&Of(&SCHEMA))),
    (4, "example", Json),
    (5, "required", Many(&Text)),
    (6, "nullable", Flag),
    (7, "format", Text),
    (8, "description", Text),
    (9, "enum", Many(&Text)),
    (11, "anyOf", Many(&Of(&SCHEMA))),
    (14, "minProperties", Whole),
    (15, "maxProperties", Whole),
    (16, "minimum", Double),
    (17, "maximum", Double),
    (18, "minLength", Whole),
    (19, "maxLength", Whole),
    (20, "pattern", Text),
    (21, "minItems", Whole),
    (22, "maxItems", Whole),
    (23, "default", Json),
    (24, "title", Text),
    (25, "propertyOrdering", Many(&Text)),
    (26, "additionalProperties", Json),
    (27, "ref", Text),
    (28, "defs", Map(&Of(&SCHEMA))),
]);

static SAFETY_SETTING: Schema = Schema(&[
    (1, "category", Name(HARM_CATEGORY)),
    (2, "threshold", Name(SAFETY_SETTING_HARM_BLOCK_THRESHOLD)),
    (4, "method", Name(SAFETY_SETTING_HARM_BLOCK_METHOD)),
]);

static CONTENT: Schema = Schema(&[(1, "role", Text), (2, "parts", Many(&Of(&PART)))]);

static PART: Schema = Schema(&[
    (1, "text", Text),
    (2, "inlineData", Of(&BLOB)),
    (3, "fileData", Of(&FILE_DATA)),
    (4, "videoMetadata", Of(&VIDEO_METADATA)),
    (5, "functionCall", Of(&FUNCTION_CALL)),
    (6, "functionResponse", Of(&FUNCTION_RESPONSE)),
    (8, "executableCode", Of(&EXECUTABLE_CODE)),
    (9, "codeExecutionResult", Of(&CODE_EXECUTION_RESULT)),
    (10, "thought", Flag),
    (11, "thoughtSignature", Bytes),
]);

static CODE_EXECUTION_RESULT: Schema =
    Schema(&[(1, "outcome", Name(CODE_EXECUTION_RESULT_OUTCOME)), (2, "output", Text)]);

static EXECUTABLE_CODE: Schema =
    Schema(&[(1, "language", Name(EXECUTABLE_CODE_LANGUAGE)), (2, "code", Text)]);

static FUNCTION_RESPONSE: Schema = Schema(&[
    (1, "name", Text),
    (2, "response", Struct),
    (3, "id", Text),
    (4, "parts", Many(&Of(&FUNCTION_RESPONSE_PART))),
]);

static FUNCTION_RESPONSE_PART: Schema = Schema(&[
    (1, "inlineData", Of(&FUNCTION_RESPONSE_BLOB)),
    (2, "fileData", Of(&FUNCTION_RESPONSE_FILE_DATA)),
]);

static FUNCTION_RESPONSE_FILE_DATA: Schema =
    Schema(&[(1, "mimeType", Text), (2, "fileUri", Text), (3, "displayName", Text)]);

static FUNCTION_RESPONSE_BLOB: Schema =
    Schema(&[(1, "mimeType", Text), (2, "data", Bytes), (4, "displayName", Text)]);

static FUNCTION_CALL: Schema = Schema(&[
    (1, "name", Text),
    (2, "args", Struct),
    (3, "id", Text),
    (4, "partialArgs", Many(&Of(&PARTIAL_ARG))),
    (5, "willContinue", Flag),
]);

static PARTIAL_ARG: Schema = Schema(&[
    (1, "jsonPath", Text),
    (2, "nullValue", Name(GOOGLEPROTOBUF_NULL_VALUE)),
    (3, "numberValue", Double),
    (4, "stringValue", Text),
    (5, "boolValue", Flag),
    (6, "willContinue", Flag),
]);

static VIDEO_METADATA: Schema =
    Schema(&[(1, "startOffset", Of(&TIME)), (2, "endOffset", Of(&TIME))]);

static FILE_DATA: Schema = Schema(&[(1, "mimeType", Text), (2, "fileUri", Text)]);

static BLOB: Schema = Schema(&[(1, "mimeType", Text), (2, "data", Bytes)]);

const GOOGLEPROTOBUF_NULL_VALUE: Names = &[(0, "NULL_VALUE")];

const EXECUTABLE_CODE_LANGUAGE: Names = &[(0, "LANGUAGE_UNSPECIFIED"), (1, "PYTHON")];

const CODE_EXECUTION_RESULT_OUTCOME: Names = &[
    (0, "OUTCOME_UNSPECIFIED"),
    (1, "OUTCOME_OK"),
    (2, "OUTCOME_FAILED"),
    (3, "OUTCOME_DEADLINE_EXCEEDED"),
];

const HARM_CATEGORY: Names = &[
    (0, "HARM_CATEGORY_UNSPECIFIED"),
    (1, "HARM_CATEGORY_HATE_SPEECH"),
    (2, "HARM_CATEGORY_DANGEROUS_CONTENT"),
    (3, "HARM_CATEGORY_HARASSMENT"),
    (4, "HARM_CATEGORY_SEXUALLY_EXPLICIT"),
    (5, "HARM_CATEGORY_CIVIC_INTEGRITY"),
    (6, "HARM_CATEGORY_JAILBREAK"),
];

const SAFETY_SETTING_HARM_BLOCK_THRESHOLD: Names = &[
    (0, "HARM_BLOCK_THRESHOLD_UNSPECIFIED"),
    (1, "BLOCK_LOW_AND_ABOVE"),
    (2, "BLOCK_MEDIUM_AND_ABOVE"),
    (3, "BLOCK_ONLY_HIGH"),
    (4, "BLOCK_NONE"),
    (5, "OFF"),
];

const SAFETY_SETTING_HARM_BLOCK_METHOD: Names =
    &[(0, "HARM_BLOCK_METHOD_UNSPECIFIED"), (1, "SEVERITY"), (2, "PROBABILITY")];

const TYPE: Names = &[
    (0, "TYPE_UNSPECIFIED"),
    (1, "STRING"),
    (2, "NUMBER"),
    (3, "INTEGER"),
    (4, "BOOLEAN"),
    (5, "ARRAY"),
    (6, "OBJECT"),
];

const GENERATION_CONFIG_MODALITY: Names =
    &[(0, "MODALITY_UNSPECIFIED"), (1, "TEXT"), (2, "IMAGE"), (3, "AUDIO")];

const GENERATION_CONFIG_MEDIA_RESOLUTION: Names = &[
    (0, "MEDIA_RESOLUTION_UNSPECIFIED"),
    (1, "MEDIA_RESOLUTION_LOW"),
    (2, "MEDIA_RESOLUTION_MEDIUM"),
    (3, "MEDIA_RESOLUTION_HIGH"),
];

const FUNCTION_CALLING_CONFIG_MODE: Names =
    &[(0, "MODE_UNSPECIFIED"), (1, "AUTO"), (2, "ANY"), (3, "NONE"), (5, "VALIDATED")];

const CANDIDATE_FINISH_REASON: Names = &[
    (0, "FINISH_REASON_UNSPECIFIED"),
    (1, "STOP"),
    (2, "MAX_TOKENS"),
    (3, "SAFETY"),
    (4, "RECITATION"),
    (5, "OTHER"),
    (6, "BLOCKLIST"),
    (7, "PROHIBITED_CONTENT"),
    (8, "SPII"),
    (9, "MALFORMED_FUNCTION_CALL"),
    (10, "MODEL_ARMOR"),
];

const SAFETY_RATING_HARM_PROBABILITY: Names = &[
    (0, "HARM_PROBABILITY_UNSPECIFIED"),
    (1, "NEGLIGIBLE"),
    (2, "LOW"),
    (3, "MEDIUM"),
    (4, "HIGH"),
];

const SAFETY_RATING_HARM_SEVERITY: Names = &[
    (0, "HARM_SEVERITY_UNSPECIFIED"),
    (1, "HARM_SEVERITY_NEGLIGIBLE"),
    (2, "HARM_SEVERITY_LOW"),
    (3, "HARM_SEVERITY_MEDIUM"),
    (4, "HARM_SEVERITY_HIGH"),
];

const GENERATE_CONTENT_RESPONSE_PROMPT_FEEDBACK_BLOCKED_REASON: Names = &[
    (0, "BLOCKED_REASON_UNSPECIFIED"),
    (1, "SAFETY"),
    (2, "OTHER"),
    (3, "BLOCKLIST"),
    (4, "PROHIBITED_CONTENT"),
    (5, "MODEL_ARMOR"),
];

const MODALITY: Names = &[
    (0, "MODALITY_UNSPECIFIED"),
    (1, "TEXT"),
    (2, "IMAGE"),
    (3, "VIDEO"),
    (4, "AUDIO"),
    (5, "DOCUMENT"),
];
