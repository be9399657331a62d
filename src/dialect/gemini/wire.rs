//! The JSON of Google's API. Fields may be written in camel case or with underscores.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::dialect::json::{Count, List, Shape, Text, TextOr, otherwise, record};

/// Where the API takes a list: one, or an object or a text in its place.
#[derive(Debug)]
pub(super) struct Many<T>(pub(super) Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'a, T: Deserialize<'a>> Deserialize<'a> for Many<T> {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'a, T: Deserialize<'a>> Visitor<'a> for Items<T> {
            type Value = Many<T>;
            otherwise!('a, Many::default(), number);
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Many(vec![T::deserialize(StrDeserializer::new(text))?]))
            }
            fn visit_borrowed_str<E: Error>(self, text: &'a str) -> Result<Self::Value, E> {
                Ok(Many(vec![T::deserialize(BorrowedStrDeserializer::new(text))?]))
            }
            fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Many(items))
            }
            fn visit_map<A: MapAccess<'a>>(self, map: A) -> Result<Self::Value, A::Error> {
                Ok(Many(vec![T::deserialize(MapAccessDeserializer::new(map))?]))
            }
        }
        from.deserialize_any(Items(PhantomData))
    }
}

/// Parts: a text stands for a part of text.
pub(super) type Pieces<'a> = Many<TextOr<'a, Piece<'a>>>;

/// Contents: a text stands for what the user says.
pub(super) type Turns<'a> = Many<TextOr<'a, Turn<'a>>>;

/// A system instruction: a content, or a text or parts in its place.
pub(super) struct Instruction;

impl Shape for Instruction {
    type Of<'a> = Turns<'a>;
}

/// Several replies in one list, or one.
pub(super) struct Replies;

impl Shape for Replies {
    type Of<'a> = List<Told<'a>>;
}

/// The entries of `tools`, or one in the list's place.
pub(super) struct Raws;

impl Shape for Raws {
    type Of<'a> = Vec<&'a RawValue>;
}

record! {
    /// A request. Code Assist wraps it in `request`, counting in `generateContentRequest`.
    Ask {
        model: Text<'a> = "model",
        contents: Turns<'a> = "contents",
        content: Turns<'a> = "content",
        system: Option<&'a RawValue> = "systemInstruction" | "system_instruction",
        tools: Option<&'a RawValue> = "tools",
        request: Option<&'a RawValue> = "request",
        counted: Option<&'a RawValue> = "generateContentRequest" | "generate_content_request",
    }
    ignores []
}

record! {
    /// A content: what one side says.
    Turn {
        role: Text<'a> = "role",
        parts: Option<Pieces<'a>> = "parts",
    }
    ignores []
}

record! {
    /// A part.
    Piece {
        text: Text<'a> = "text",
        thought: Value = "thought",
        signature: Text<'a> = "thoughtSignature" | "thought_signature",
        inline: Option<Blob<'a>> = "inlineData" | "inline_data",
        file: Option<FileData<'a>> = "fileData" | "file_data",
        call: Option<Call<'a>> = "functionCall" | "function_call",
        result: Option<Outcome<'a>> = "functionResponse" | "function_response",
    }
    ignores []
}

record! {
    /// Bytes inside the JSON, in base64.
    Blob {
        mime_type: Text<'a> = "mimeType" | "mime_type",
        data: Text<'a> = "data",
        name: Text<'a> = "displayName" | "display_name",
    }
    ignores []
}

record! {
    /// Bytes that lie elsewhere.
    FileData {
        mime_type: Text<'a> = "mimeType" | "mime_type",
        uri: Text<'a> = "fileUri" | "file_uri",
        name: Text<'a> = "displayName" | "display_name",
    }
    ignores []
}

record! {
    /// A function call, whole or a piece of one.
    Call {
        id: Text<'a> = "id",
        name: Text<'a> = "name",
        args: Option<Value> = "args",
        pieces: List<ArgPiece<'a>> = "partialArgs" | "partial_args",
        will_continue: Value = "willContinue" | "will_continue",
    }
    ignores []
}

record! {
    /// A piece of a function call's arguments.
    ArgPiece {
        path: Text<'a> = "jsonPath" | "json_path",
        string: Option<Text<'a>> = "stringValue" | "string_value",
        number: Value = "numberValue" | "number_value",
        boolean: Value = "boolValue" | "bool_value",
        null: Text<'a> = "nullValue" | "null_value",
        will_continue: Value = "willContinue" | "will_continue",
    }
    ignores []
}

record! {
    /// What a function gave.
    Outcome {
        id: Text<'a> = "id",
        name: Text<'a> = "name",
        response: Option<Value> = "response",
        parts: Pieces<'a> = "parts",
    }
    ignores []
}

record! {
    /// A reply, or one chunk of it. Code Assist wraps it in `response`.
    Told {
        candidates: Option<List<Candidate<'a>>> = "candidates",
        usage: Option<&'a RawValue> = "usageMetadata" | "usage_metadata",
        feedback: Option<&'a RawValue> = "promptFeedback" | "prompt_feedback",
        id: Text<'a> = "responseId" | "response_id",
        trace: Text<'a> = "traceId" | "trace_id",
        model: Text<'a> = "modelVersion" | "model_version",
        total: Count = "totalTokens" | "total_tokens",
        response: Option<&'a RawValue> = "response",
        error: Option<&'a RawValue> = "error",
    }
    ignores []
}

record! {
    /// One answer, or a piece of it.
    Candidate {
        index: Count = "index",
        content: Option<Said<'a>> = "content",
        finish_reason: Text<'a> = "finishReason" | "finish_reason",
    }
    ignores []
}

record! {
    /// The content of an answer.
    Said {
        parts: Pieces<'a> = "parts",
    }
    ignores ["role"]
}

record! {
    /// An entry of `tools`.
    ToolWire {
        functions: List<Function<'a>> = "functionDeclarations" | "function_declarations",
    }
    ignores []
}

record! {
    /// A function that the app offers.
    Function {
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        parameters: Value = "parameters",
        schema: Value = "parametersJsonSchema" | "parameters_json_schema",
    }
    ignores []
}
