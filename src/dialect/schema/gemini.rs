//! `google.ai.generativelanguage.v1beta.GenerativeService`, as of `google-ai-generativelanguage`
//! 0.12; the names are those of JSON. What says nothing of the words is guessed at.

use super::Kind::{
    Bytes, Double, Flag, Float, Guess, Json, Many, Map, Name, Of, Struct, Text, Whole,
};
use super::{Names, Schema, TIME};

pub(in crate::dialect) static BATCH_EMBED_CONTENTS_RESPONSE: Schema =
    Schema(&[(1, "embeddings", Many(&Of(&CONTENT_EMBEDDING)))]);

pub(in crate::dialect) static BATCH_EMBED_CONTENTS_REQUEST: Schema =
    Schema(&[(1, "model", Text), (2, "requests", Many(&Of(&EMBED_CONTENT_REQUEST)))]);

pub(in crate::dialect) static EMBED_CONTENT_RESPONSE: Schema =
    Schema(&[(1, "embedding", Of(&CONTENT_EMBEDDING))]);

static CONTENT_EMBEDDING: Schema = Schema(&[(1, "values", Many(&Float))]);

pub(in crate::dialect) static EMBED_CONTENT_REQUEST: Schema = Schema(&[
    (1, "model", Text),
    (2, "content", Of(&CONTENT)),
    (3, "taskType", Name(TASK_TYPE)),
    (4, "title", Text),
    (5, "outputDimensionality", Whole),
]);

pub(in crate::dialect) static COUNT_TOKENS_RESPONSE: Schema = Schema(&[
    (1, "totalTokens", Whole),
    (5, "cachedContentTokenCount", Whole),
    (6, "promptTokensDetails", Many(&Of(&MODALITY_TOKEN_COUNT))),
    (7, "cacheTokensDetails", Many(&Of(&MODALITY_TOKEN_COUNT))),
]);

pub(in crate::dialect) static COUNT_TOKENS_REQUEST: Schema = Schema(&[
    (1, "model", Text),
    (2, "contents", Many(&Of(&CONTENT))),
    (3, "generateContentRequest", Of(&GENERATE_CONTENT_REQUEST)),
]);

pub(in crate::dialect) static GENERATE_CONTENT_RESPONSE: Schema = Schema(&[
    (1, "candidates", Many(&Of(&CANDIDATE))),
    (2, "promptFeedback", Of(&GENERATE_CONTENT_RESPONSE_PROMPT_FEEDBACK)),
    (3, "usageMetadata", Of(&GENERATE_CONTENT_RESPONSE_USAGE_METADATA)),
    (4, "modelVersion", Text),
    (5, "responseId", Text),
]);

static GENERATE_CONTENT_RESPONSE_USAGE_METADATA: Schema = Schema(&[
    (1, "promptTokenCount", Whole),
    (2, "candidatesTokenCount", Whole),
    (3, "totalTokenCount", Whole),
    (4, "cachedContentTokenCount", Whole),
    (5, "promptTokensDetails", Many(&Of(&MODALITY_TOKEN_COUNT))),
    (6, "cacheTokensDetails", Many(&Of(&MODALITY_TOKEN_COUNT))),
    (7, "candidatesTokensDetails", Many(&Of(&MODALITY_TOKEN_COUNT))),
    (8, "toolUsePromptTokenCount", Whole),
    (9, "toolUsePromptTokensDetails", Many(&Of(&MODALITY_TOKEN_COUNT))),
    (10, "thoughtsTokenCount", Whole),
]);

static MODALITY_TOKEN_COUNT: Schema =
    Schema(&[(1, "modality", Name(MODALITY)), (2, "tokenCount", Whole)]);

static GENERATE_CONTENT_RESPONSE_PROMPT_FEEDBACK: Schema = Schema(&[
    (1, "blockReason", Name(GENERATE_CONTENT_RESPONSE_PROMPT_FEEDBACK_BLOCK_REASON)),
    (2, "safetyRatings", Many(&Of(&SAFETY_RATING))),
]);

static CANDIDATE: Schema = Schema(&[
    (1, "content", Of(&CONTENT)),
    (2, "finishReason", Name(CANDIDATE_FINISH_REASON)),
    (3, "index", Whole),
    (4, "finishMessage", Text),
    (5, "safetyRatings", Many(&Of(&SAFETY_RATING))),
    (6, "citationMetadata", Of(&CITATION_METADATA)),
    (7, "tokenCount", Whole),
    (8, "groundingAttributions", Many(&Guess)),
    (9, "groundingMetadata", Of(&GROUNDING_METADATA)),
    (10, "avgLogprobs", Double),
    (11, "logprobsResult", Guess),
    (13, "urlContextMetadata", Guess),
]);

static GROUNDING_METADATA: Schema = Schema(&[
    (1, "searchEntryPoint", Of(&SEARCH_ENTRY_POINT)),
    (2, "groundingChunks", Many(&Of(&GROUNDING_CHUNK))),
    (3, "groundingSupports", Many(&Of(&GROUNDING_SUPPORT))),
    (4, "retrievalMetadata", Of(&RETRIEVAL_METADATA)),
    (5, "webSearchQueries", Many(&Text)),
    (7, "googleMapsWidgetContextToken", Text),
]);

static RETRIEVAL_METADATA: Schema = Schema(&[(2, "googleSearchDynamicRetrievalScore", Float)]);

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
    (3, "maps", Of(&GROUNDING_CHUNK_MAPS)),
]);

static GROUNDING_CHUNK_MAPS: Schema = Schema(&[
    (1, "uri", Text),
    (2, "title", Text),
    (3, "text", Text),
    (4, "placeId", Text),
    (5, "placeAnswerSources", Guess),
]);

static GROUNDING_CHUNK_RETRIEVED_CONTEXT: Schema =
    Schema(&[(1, "uri", Text), (2, "title", Text), (3, "text", Text)]);

static GROUNDING_CHUNK_WEB: Schema = Schema(&[(1, "uri", Text), (2, "title", Text)]);

static SEARCH_ENTRY_POINT: Schema = Schema(&[(1, "renderedContent", Text), (2, "sdkBlob", Bytes)]);

static CITATION_METADATA: Schema = Schema(&[(1, "citationSources", Many(&Of(&CITATION_SOURCE)))]);

static CITATION_SOURCE: Schema = Schema(&[
    (1, "startIndex", Whole),
    (2, "endIndex", Whole),
    (3, "uri", Text),
    (4, "license", Text),
]);

static SAFETY_RATING: Schema = Schema(&[
    (3, "category", Name(HARM_CATEGORY)),
    (4, "probability", Name(SAFETY_RATING_HARM_PROBABILITY)),
    (5, "blocked", Flag),
]);

pub(in crate::dialect) static GENERATE_CONTENT_REQUEST: Schema = Schema(&[
    (1, "model", Text),
    (2, "contents", Many(&Of(&CONTENT))),
    (3, "safetySettings", Many(&Of(&SAFETY_SETTING))),
    (4, "generationConfig", Of(&GENERATION_CONFIG)),
    (5, "tools", Many(&Of(&TOOL))),
    (7, "toolConfig", Of(&TOOL_CONFIG)),
    (8, "systemInstruction", Of(&CONTENT)),
    (9, "cachedContent", Text),
]);

static TOOL_CONFIG: Schema = Schema(&[
    (1, "functionCallingConfig", Of(&FUNCTION_CALLING_CONFIG)),
    (2, "retrievalConfig", Guess),
]);

static FUNCTION_CALLING_CONFIG: Schema = Schema(&[
    (1, "mode", Name(FUNCTION_CALLING_CONFIG_MODE)),
    (2, "allowedFunctionNames", Many(&Text)),
]);

static TOOL: Schema = Schema(&[
    (1, "functionDeclarations", Many(&Of(&FUNCTION_DECLARATION))),
    (2, "googleSearchRetrieval", Guess),
    (3, "codeExecution", Of(&CODE_EXECUTION)),
    (4, "googleSearch", Guess),
    (6, "computerUse", Guess),
    (8, "urlContext", Guess),
    (9, "fileSearch", Guess),
    (11, "googleMaps", Guess),
]);

static CODE_EXECUTION: Schema = Schema(&[]);

static FUNCTION_DECLARATION: Schema = Schema(&[
    (1, "name", Text),
    (2, "description", Text),
    (3, "parameters", Of(&SCHEMA)),
    (4, "response", Of(&SCHEMA)),
    (5, "behavior", Name(FUNCTION_DECLARATION_BEHAVIOR)),
    (6, "parametersJsonSchema", Json),
    (7, "responseJsonSchema", Json),
]);

static GENERATION_CONFIG: Schema = Schema(&[
    (1, "candidateCount", Whole),
    (2, "stopSequences", Many(&Text)),
    (4, "maxOutputTokens", Whole),
    (5, "temperature", Float),
    (6, "topP", Float),
    (7, "topK", Whole),
    (8, "seed", Whole),
    (13, "responseMimeType", Text),
    (14, "responseSchema", Of(&SCHEMA)),
    (15, "presencePenalty", Float),
    (16, "frequencyPenalty", Float),
    (17, "responseLogprobs", Flag),
    (18, "logprobs", Whole),
    (19, "enableEnhancedCivicAnswers", Flag),
    (20, "responseModalities", Many(&Name(GENERATION_CONFIG_MODALITY))),
    (21, "speechConfig", Guess),
    (22, "thinkingConfig", Of(&THINKING_CONFIG)),
    (23, "mediaResolution", Name(GENERATION_CONFIG_MEDIA_RESOLUTION)),
    (24, "responseJsonSchema", Json),
    (27, "imageConfig", Of(&IMAGE_CONFIG)),
    (28, "responseJsonSchemaOrdered", Json),
]);

static IMAGE_CONFIG: Schema = Schema(&[(1, "aspectRatio", Text)]);

static THINKING_CONFIG: Schema =
    Schema(&[(1, "includeThoughts", Flag), (2, "thinkingBudget", Whole)]);

static SCHEMA: Schema = Schema(&[
    (1, "type", Name(TYPE)),
    (2, "format", Text),
    (3, "description", Text),
    (4, "nullable", Flag),
    (5, "enum", Many(&Text)),
    (6, "items", Of(&SCHEMA)),
    (7, "properties", Map(&Of(&SCHEMA))),
    (8, "required", Many(&Text)),
    (9, "minProperties", Whole),
    (10, "maxProperties", Whole),
    (11, "minimum", Double),
    (12, "maximum", Double),
    (13, "minLength", Whole),
    (14, "maxLength", Whole),
    (15, "pattern", Text),
    (16, "example", Json),
    (18, "anyOf", Many(&Of(&SCHEMA))),
    (21, "maxItems", Whole),
    (22, "minItems", Whole),
    (23, "propertyOrdering", Many(&Text)),
    (24, "title", Text),
    (25, "default", Json),
]);

static SAFETY_SETTING: Schema = Schema(&[
    (3, "category", Name(HARM_CATEGORY)),
    (4, "threshold", Name(SAFETY_SETTING_HARM_BLOCK_THRESHOLD)),
]);

static CONTENT: Schema = Schema(&[(1, "parts", Many(&Of(&PART))), (2, "role", Text)]);

static PART: Schema = Schema(&[
    (2, "text", Text),
    (3, "inlineData", Of(&BLOB)),
    (4, "functionCall", Of(&FUNCTION_CALL)),
    (5, "functionResponse", Of(&FUNCTION_RESPONSE)),
    (6, "fileData", Of(&FILE_DATA)),
    (8, "partMetadata", Struct),
    (9, "executableCode", Of(&EXECUTABLE_CODE)),
    (10, "codeExecutionResult", Of(&CODE_EXECUTION_RESULT)),
    (11, "thought", Flag),
    (13, "thoughtSignature", Bytes),
    (14, "videoMetadata", Of(&VIDEO_METADATA)),
]);

static VIDEO_METADATA: Schema =
    Schema(&[(1, "startOffset", Of(&TIME)), (2, "endOffset", Of(&TIME)), (3, "fps", Double)]);

static CODE_EXECUTION_RESULT: Schema =
    Schema(&[(1, "outcome", Name(CODE_EXECUTION_RESULT_OUTCOME)), (2, "output", Text)]);

static EXECUTABLE_CODE: Schema =
    Schema(&[(1, "language", Name(EXECUTABLE_CODE_LANGUAGE)), (2, "code", Text)]);

static FILE_DATA: Schema = Schema(&[(1, "mimeType", Text), (2, "fileUri", Text)]);

static FUNCTION_RESPONSE: Schema = Schema(&[
    (1, "name", Text),
    (2, "response", Struct),
    (3, "id", Text),
    (4, "willContinue", Flag),
    (5, "scheduling", Name(FUNCTION_RESPONSE_SCHEDULING)),
    (8, "parts", Many(&Of(&FUNCTION_RESPONSE_PART))),
]);

static FUNCTION_RESPONSE_PART: Schema = Schema(&[(1, "inlineData", Of(&FUNCTION_RESPONSE_BLOB))]);

static FUNCTION_RESPONSE_BLOB: Schema = Schema(&[(1, "mimeType", Text), (2, "data", Bytes)]);

static FUNCTION_CALL: Schema = Schema(&[(1, "name", Text), (2, "args", Struct), (3, "id", Text)]);

static BLOB: Schema = Schema(&[(1, "mimeType", Text), (2, "data", Bytes)]);

const FUNCTION_RESPONSE_SCHEDULING: Names =
    &[(0, "SCHEDULING_UNSPECIFIED"), (1, "SILENT"), (2, "WHEN_IDLE"), (3, "INTERRUPT")];

const EXECUTABLE_CODE_LANGUAGE: Names = &[(0, "LANGUAGE_UNSPECIFIED"), (1, "PYTHON")];

const CODE_EXECUTION_RESULT_OUTCOME: Names = &[
    (0, "OUTCOME_UNSPECIFIED"),
    (1, "OUTCOME_OK"),
    (2, "OUTCOME_FAILED"),
    (3, "OUTCOME_DEADLINE_EXCEEDED"),
];

const HARM_CATEGORY: Names = &[
    (0, "HARM_CATEGORY_UNSPECIFIED"),
    (1, "HARM_CATEGORY_DEROGATORY"),
    (2, "HARM_CATEGORY_TOXICITY"),
    (3, "HARM_CATEGORY_VIOLENCE"),
    (4, "HARM_CATEGORY_SEXUAL"),
    (5, "HARM_CATEGORY_MEDICAL"),
    (6, "HARM_CATEGORY_DANGEROUS"),
    (7, "HARM_CATEGORY_HARASSMENT"),
    (8, "HARM_CATEGORY_HATE_SPEECH"),
    (9, "HARM_CATEGORY_SEXUALLY_EXPLICIT"),
    (10, "HARM_CATEGORY_DANGEROUS_CONTENT"),
    (11, "HARM_CATEGORY_CIVIC_INTEGRITY"),
];

const SAFETY_SETTING_HARM_BLOCK_THRESHOLD: Names = &[
    (0, "HARM_BLOCK_THRESHOLD_UNSPECIFIED"),
    (1, "BLOCK_LOW_AND_ABOVE"),
    (2, "BLOCK_MEDIUM_AND_ABOVE"),
    (3, "BLOCK_ONLY_HIGH"),
    (4, "BLOCK_NONE"),
    (5, "OFF"),
];

const TYPE: Names = &[
    (0, "TYPE_UNSPECIFIED"),
    (1, "STRING"),
    (2, "NUMBER"),
    (3, "INTEGER"),
    (4, "BOOLEAN"),
    (5, "ARRAY"),
    (6, "OBJECT"),
    (7, "NULL"),
];

const GENERATION_CONFIG_MODALITY: Names =
    &[(0, "MODALITY_UNSPECIFIED"), (1, "TEXT"), (2, "IMAGE"), (3, "AUDIO")];

const GENERATION_CONFIG_MEDIA_RESOLUTION: Names = &[
    (0, "MEDIA_RESOLUTION_UNSPECIFIED"),
    (1, "MEDIA_RESOLUTION_LOW"),
    (2, "MEDIA_RESOLUTION_MEDIUM"),
    (3, "MEDIA_RESOLUTION_HIGH"),
];

const FUNCTION_DECLARATION_BEHAVIOR: Names =
    &[(0, "UNSPECIFIED"), (1, "BLOCKING"), (2, "NON_BLOCKING")];

const FUNCTION_CALLING_CONFIG_MODE: Names =
    &[(0, "MODE_UNSPECIFIED"), (1, "AUTO"), (2, "ANY"), (3, "NONE"), (4, "VALIDATED")];

const CANDIDATE_FINISH_REASON: Names = &[
    (0, "FINISH_REASON_UNSPECIFIED"),
    (1, "STOP"),
    (2, "MAX_TOKENS"),
    (3, "SAFETY"),
    (4, "RECITATION"),
    (5, "OTHER"),
    (6, "LANGUAGE"),
    (7, "BLOCKLIST"),
    (8, "PROHIBITED_CONTENT"),
    (9, "SPII"),
    (10, "MALFORMED_FUNCTION_CALL"),
    (11, "IMAGE_SAFETY"),
    (12, "UNEXPECTED_TOOL_CALL"),
    (13, "TOO_MANY_TOOL_CALLS"),
    (14, "IMAGE_PROHIBITED_CONTENT"),
    (15, "IMAGE_OTHER"),
    (16, "NO_IMAGE"),
    (17, "IMAGE_RECITATION"),
];

const SAFETY_RATING_HARM_PROBABILITY: Names = &[
    (0, "HARM_PROBABILITY_UNSPECIFIED"),
    (1, "NEGLIGIBLE"),
    (2, "LOW"),
    (3, "MEDIUM"),
    (4, "HIGH"),
];

const GENERATE_CONTENT_RESPONSE_PROMPT_FEEDBACK_BLOCK_REASON: Names = &[
    (0, "BLOCK_REASON_UNSPECIFIED"),
    (1, "SAFETY"),
    (2, "OTHER"),
    (3, "BLOCKLIST"),
    (4, "PROHIBITED_CONTENT"),
    (5, "IMAGE_SAFETY"),
];

const MODALITY: Names = &[
    (0, "MODALITY_UNSPECIFIED"),
    (1, "TEXT"),
    (2, "IMAGE"),
    (3, "VIDEO"),
    (4, "AUDIO"),
    (5, "DOCUMENT"),
];

const TASK_TYPE: Names = &[
    (0, "TASK_TYPE_UNSPECIFIED"),
    (1, "RETRIEVAL_QUERY"),
    (2, "RETRIEVAL_DOCUMENT"),
    (3, "SEMANTIC_SIMILARITY"),
    (4, "CLASSIFICATION"),
    (5, "CLUSTERING"),
    (6, "QUESTION_ANSWERING"),
    (7, "FACT_VERIFICATION"),
    (8, "CODE_RETRIEVAL_QUERY"),
];
