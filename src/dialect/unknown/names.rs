//! Names of fields that say what a field is, whoever uses them.

/// What a field of a request is by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    Model,
    System,
    Tools,
    Prompt,
    Nothing,
}

/// What a field of a reply is by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    Answer,
    Reasoning,
    FinishReason,
    Id,
    Model,
    /// What says nothing: ids, times, kinds, links.
    Mark,
    Nothing,
}

/// What a field of a request is.
pub(super) fn asks(name: &str) -> Asks {
    match plain(name).as_str() {
        "model" | "modelid" | "modelname" | "engine" | "modelslug" | "requestedmodel"
        | "chatmodel" | "modeldetails" => Asks::Model,
        "system" | "instructions" | "instruction" | "preamble" | "systemprompt"
        | "systeminstruction" | "systeminstructions" | "systemmessage" => Asks::System,
        "tools" | "functions" | "tooldefinitions" | "functiondeclarations" => Asks::Tools,
        "prompt" | "input" | "inputs" | "query" | "question" | "message" | "text" | "content"
        | "userinput" | "usermessage" | "userprompt" | "inputtext" | "texts" | "q" => Asks::Prompt,
        _ => Asks::Nothing,
    }
}

/// What a field of a reply is.
pub(super) fn says(name: &str) -> Says {
    let plain = plain(name);
    match plain.as_str() {
        "content" | "text" | "delta" | "answer" | "completion" | "generatedtext" | "outputtext"
        | "output" | "response" | "reply" | "result" | "message" | "transcript" | "textdelta"
        | "deltatext" | "markdown" | "summary" | "generation" | "generations" | "choices"
        | "outputs" | "candidates" | "parts" | "chunk" | "contentdelta" => Says::Answer,
        "finishreason" | "stopreason" | "donereason" | "completionreason" => Says::FinishReason,
        "id" | "requestid" | "responseid" | "messageid" | "generationid" => Says::Id,
        "model" | "modelid" | "modelname" | "modelversion" => Says::Model,
        "type" | "object" | "role" | "event" | "kind" | "status" | "state" | "url" | "uri"
        | "href" | "link" | "created" | "timestamp" | "version" | "signature" | "hash"
        | "fingerprint" | "systemfingerprint" | "language" | "currency" | "provider"
        | "mimetype" | "author" | "email" | "obfuscation" | "padding" => Says::Mark,
        _ if thinks(&plain) => Says::Reasoning,
        _ if ENDS_OF_MARKS.iter().any(|end| name.ends_with(end)) => Says::Mark,
        _ => Says::Nothing,
    }
}

/// How the names of ids and times end.
const ENDS_OF_MARKS: [&str; 6] = ["_id", "Id", "ID", "_at", "At", "_ids"];

/// Whether a name tells of thoughts.
pub(super) fn thinks(name: &str) -> bool {
    ["reasoning", "thinking", "thought"].iter().any(|word| name.contains(word))
}

/// Whether a name tells that what stands there is a piece of something.
pub(super) fn is_piece(name: &str) -> bool {
    ["delta", "chunk", "token", "partial"]
        .iter()
        .any(|word| name.to_ascii_lowercase().contains(word))
}

/// Names by which a message tells who speaks.
pub(super) const SPEAKERS: [&str; 4] = ["role", "author", "sender", "speaker"];

/// Names by which a message has what is said, the more usual first.
pub(super) const SAID: [&str; 7] =
    ["content", "parts", "text", "message", "body", "value", "contents"];

/// A name without case, `_` and `-`.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|char| !matches!(char, '_' | '-'))
        .map(|char| char.to_ascii_lowercase())
        .collect()
}
