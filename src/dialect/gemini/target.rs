//! What a request to Google asks for, from its path.

use std::borrow::Cow;

use super::enums::Family;
use crate::dialect::handshake::CONNECT;
use crate::dialect::{Asked, may_be_object, path_only};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The operation.
    pub(super) operation: &'static str,
    /// How request and reply are read.
    pub(super) form: Form,
    /// The model that the path names.
    pub(super) model: Option<String>,
    /// Whose numbers stand for the words of an enumeration.
    pub(super) family: Family,
}

/// How request and reply are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Contents in, candidates or a count out.
    Generate,
    /// The interactions API.
    Interaction,
    /// Everything else: what has words or pictures is found, the rest kept.
    Plain,
    /// A WebSocket of the Live API.
    Live,
    /// A WebSocket that plays music.
    Music,
}

/// What `asked` asks for; `None` if it is nothing of Google's.
pub(super) fn target(asked: &Asked<'_>) -> Option<Target> {
    let path = unescaped(path_only(asked.path));
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let last = segments.last().copied()?;
    let family = family(asked.host, &segments);
    let (operation, form) = match last.rsplit_once(':') {
        _ if segments.contains(&"ws") => (CONNECT, socket_form(&segments)?),
        Some((before, method)) if asked.method == "POST" && is_version(before) => {
            code_assist(method)
        }
        Some((_, method)) if asked.method == "POST" => match method_form(method, &path, asked) {
            Some(found) => found,
            None => resource(asked, &segments)?,
        },
        _ => resource(asked, &segments)?,
    };
    let is_socket = matches!(form, Form::Live | Form::Music);
    if is_socket && !matches!(asked.method, "GET" | "CONNECT")
        || form == Form::Generate && !may_be_object(asked.body)
    {
        return None;
    }
    Some(Target { operation, form, model: model_in_path(&segments), family })
}

/// The model's name without the collection it stands in.
pub(super) fn bare_model(name: &str) -> &str {
    match name.rsplit_once("/models/") {
        Some((_, bare)) => bare,
        None => name.strip_prefix("models/").unwrap_or(name),
    }
}

/// A colon or a slash may be escaped; nothing else of a path matters here.
fn unescaped(path: &str) -> Cow<'_, str> {
    match path.contains('%') {
        false => path.into(),
        true => path.replace("%3A", ":").replace("%3a", ":").replace("%2F", "/").into(),
    }
}

/// The service of the host, or else of the path: a gateway keeps paths, not hosts.
fn family(host: &str, segments: &[&str]) -> Family {
    let of_vertex = ["projects", "publishers", "endpoints"];
    match host.contains("aiplatform") || segments.iter().any(|one| of_vertex.contains(one)) {
        true => Family::Vertex,
        false => Family::Gemini,
    }
}

/// `/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent` or
/// `/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent`, at any depth; Firebase
/// names a location behind it.
fn socket_form(segments: &[&str]) -> Option<Form> {
    let service = segments.iter().skip_while(|one| !one.starts_with("google."));
    service.filter_map(|one| one.rsplit('.').next()).find_map(|method| match method {
        "BidiGenerateContent" | "BidiGenerateContentConstrained" => Some(Form::Live),
        "BidiGenerateMusic" => Some(Form::Music),
        _ => None,
    })
}

/// The calls of Code Assist, for which Gemini's command line logs in with an account.
fn code_assist(method: &str) -> (&'static str, Form) {
    match method {
        "generateContent" | "streamGenerateContent" => ("chat", Form::Generate),
        "countTokens" => ("count_tokens", Form::Generate),
        _ => ("assist", Form::Plain),
    }
}

/// What the custom method behind a model's name does.
fn method_form(method: &str, path: &str, asked: &Asked<'_>) -> Option<(&'static str, Form)> {
    Some(match method {
        "generateContent" | "streamGenerateContent" => ("chat", Form::Generate),
        // Firebase keeps the prompt, the app sends what is filled in.
        "templateGenerateContent" | "templateStreamGenerateContent" => ("chat", Form::Generate),
        "countTokens" => ("count_tokens", Form::Generate),
        "computeTokens" => ("count_tokens", Form::Plain),
        "embedContent" | "batchEmbedContents" | "embedText" | "batchEmbedText" => {
            ("embeddings", Form::Plain)
        }
        "batchGenerateContent" | "asyncBatchEmbedContent" => ("batch", Form::Plain),
        "predict" | "predictLongRunning" | "fetchPredictOperation" | "serverStreamingPredict" => {
            (prediction(path, asked), Form::Plain)
        }
        "generateMessage" | "generateText" | "generateAnswer" => ("chat", Form::Plain),
        _ => return None,
    })
}

/// What a prediction is: the method is the same for every kind of model.
fn prediction(path: &str, asked: &Asked<'_>) -> &'static str {
    let model = path.to_ascii_lowercase();
    let is_one_of = |names: &[&str]| names.iter().any(|name| model.contains(name));
    if is_one_of(&["imagen", "imagegeneration", "imagetext", "virtual-try-on", "image-"]) {
        "image"
    } else if is_one_of(&["veo-", "/veo"]) {
        "video"
    } else if is_one_of(&["lyria", "chirp"]) {
        "audio"
    } else if is_one_of(&["embedding", "gecko"])
        || memchr::memmem::find(asked.body, b"\"task_type\"").is_some()
    {
        "embeddings"
    } else {
        "predict"
    }
}

/// What a path without a method of its own names: a collection or one thing in it.
fn resource(asked: &Asked<'_>, segments: &[&str]) -> Option<(&'static str, Form)> {
    let version = segments.iter().position(|one| is_version(one))?;
    let mut rest = segments.get(version + 1..)?.iter().copied().peekable();
    let mut is_googles =
        segments.get(version) != Some(&"v1") || asked.host.ends_with("googleapis.com");
    while matches!(rest.peek().copied(), Some("projects" | "locations" | "publishers")) {
        is_googles = true;
        rest.next();
        rest.next();
    }
    if !is_googles {
        return None;
    }
    let named = rest.next()?;
    if rest.any(|one| one == "operations") {
        return Some(("operations", Form::Plain));
    }
    let (collection, _) = named.split_once(':').unwrap_or((named, ""));
    let (_, method) = segments.last()?.rsplit_once(':').unwrap_or_default();
    if !RESOURCE_METHODS.contains(&method) {
        return None;
    }
    let operation = match collection {
        "interactions" => return interaction(asked.method, segments),
        "models" | "tunedModels" => "models",
        "cachedContents" => "cache",
        "files" => "files",
        "batches" | "batchPredictionJobs" => "batch",
        "operations" => "operations",
        "fileSearchStores" | "corpora" => "stores",
        "tuningJobs" => "tuning",
        "auth_tokens" => "auth_tokens",
        "agents" => "agents",
        _ => return None,
    };
    Some((operation, Form::Plain))
}

/// Custom methods of collections and of the things in them. Others belong to the models of
/// other companies that Vertex AI serves (`rawPredict`), or to no model at all.
const RESOURCE_METHODS: [&str; 7] = [
    "",
    "cancel",
    "download",
    "importFile",
    "register",
    "transferOwnership",
    "uploadToFileSearchStore",
];

fn interaction(method: &str, segments: &[&str]) -> Option<(&'static str, Form)> {
    let last = segments.last()?;
    let operation = match method {
        "POST" if last.ends_with("cancel") => "cancel",
        "POST" => "chat",
        "GET" => "retrieve",
        "DELETE" => "delete",
        _ => return None,
    };
    Some((operation, Form::Interaction))
}

/// `v1`, `v1beta`, `v1beta1`, `v1alpha`, `v1internal` …
fn is_version(segment: &str) -> bool {
    let Some(rest) = segment.strip_prefix('v') else { return false };
    let word = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let stage = word.trim_end_matches(|c: char| c.is_ascii_digit());
    rest.len() > word.len() && matches!(stage, "" | "alpha" | "beta" | "main" | "internal")
}

/// The model that stands in front of the method; what is tuned or deployed keeps its
/// collection, as the app names it.
fn model_in_path(segments: &[&str]) -> Option<String> {
    let named = |name: &str| segments.iter().rposition(|one| *one == name);
    let (from, _) = segments.last()?.rsplit_once(':').map_or((None, ""), |_| {
        let behind = named("models").map(|at| at + 1);
        (behind.or_else(|| named("tunedModels")).or_else(|| named("endpoints")), "")
    });
    let name = segments.get(from?..)?.join("/");
    let name = name.rsplit_once(':')?.0;
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &str, host: &str, path: &str, body: &[u8]) -> Option<Target> {
        target(&Asked { method, host, path, headers: &vec![], body })
    }

    #[test]
    fn the_path_tells_the_operation() {
        let google = "generativelanguage.googleapis.com";
        let vertex = "/v1/projects/p/locations/l/publishers/google/models";
        for (method, host, path, expected) in [
            ("POST", google, "/v1beta/models/m:generateContent?key=k", Some("chat")),
            ("POST", google, "/v1/models/m:streamGenerateContent?alt=sse", Some("chat")),
            ("POST", "proxy.test", "/gemini/v1beta/models/m:generateContent", Some("chat")),
            ("POST", "proxy.test", "/v1beta/models/m%3AgenerateContent", Some("chat")),
            ("POST", "proxy.test", "/models/m:generateContent", Some("chat")),
            ("POST", google, "/v1beta/models/m:countTokens", Some("count_tokens")),
            ("POST", google, "/v1beta/models/m:batchEmbedContents", Some("embeddings")),
            ("POST", google, "/v1beta/models/m:batchGenerateContent", Some("batch")),
            ("POST", google, "/v1beta/models/imagen-4:predict", Some("image")),
            ("POST", google, "/v1beta/models/veo-3:predictLongRunning", Some("video")),
            ("POST", "a.test", &format!("{vertex}/text-embedding-005:predict"), Some("embeddings")),
            ("POST", "a.test", &format!("{vertex}/m:generateContent"), Some("chat")),
            ("POST", "a.test", "/v1/publishers/google/models/m:generateContent", Some("chat")),
            (
                "POST",
                "a.test",
                "/v1/projects/p/locations/l/endpoints/7:streamGenerateContent",
                Some("chat"),
            ),
            ("POST", "cloudcode-pa.googleapis.com", "/v1internal:generateContent", Some("chat")),
            ("POST", "cloudcode-pa.googleapis.com", "/v1internal:loadCodeAssist", Some("assist")),
            ("POST", google, "/v1beta/interactions?alt=sse", Some("chat")),
            ("GET", google, "/v1beta/interactions/i1", Some("retrieve")),
            ("POST", google, "/v1beta/interactions/i1/cancel", Some("cancel")),
            ("GET", google, "/v1beta/models?pageSize=5", Some("models")),
            ("GET", google, "/v1beta/models/m/operations/o", Some("operations")),
            ("POST", google, "/upload/v1beta/files?upload_id=u", Some("files")),
            ("GET", google, "/v1beta/files/f:download?alt=media", Some("files")),
            ("DELETE", google, "/v1beta/cachedContents/c", Some("cache")),
            ("GET", google, "/v1beta/batches/b", Some("batch")),
            ("POST", google, "/v1alpha/auth_tokens", Some("auth_tokens")),
            ("GET", google, "/v1/models", Some("models")),
            ("GET", "api.openai.test", "/v1/models", None),
            ("POST", "api.openai.test", "/v1/files", None),
            ("POST", google, "/v1beta/openai/chat/completions", None),
            ("GET", google, "/v1beta/openai/models", None),
            ("POST", "a.test", "/v1/publishers/anthropic/models/m:rawPredict", None),
            ("GET", google, "/", None),
            ("GET", google, "", None),
            ("POST", "a.test", "/v1/chat/completions", None),
        ] {
            let operation = found(method, host, path, b"{}").map(|target| target.operation);
            assert_eq!(operation, expected, "{method} {path}");
        }
    }

    #[test]
    fn a_socket_is_known_by_its_service() {
        for (path, expected) in [
            (
                "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=k",
                Some(Form::Live),
            ),
            (
                "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContentConstrained",
                Some(Form::Live),
            ),
            ("/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent", Some(Form::Live)),
            (
                "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateMusic",
                Some(Form::Music),
            ),
            (
                "//ws/google.firebase.vertexai.v1beta.LlmBidiService/BidiGenerateContent/locations/l",
                Some(Form::Live),
            ),
            ("/ws/google.test.Other", None),
            ("/v1/realtime", None),
        ] {
            let form = found("GET", "h", path, b"").map(|target| target.form);
            assert_eq!(form, expected, "{path}");
        }
    }

    #[test]
    fn the_path_names_the_model() {
        for (path, expected) in [
            ("/v1beta/models/gemini-x:generateContent", Some("gemini-x")),
            ("/v1beta/models/models/gemini-x:generateContent", Some("gemini-x")),
            ("/v1beta/models/google/gemini-x:generateContent", Some("google/gemini-x")),
            ("/v1beta/tunedModels/mine:generateContent", Some("tunedModels/mine")),
            ("/v1/projects/p/locations/l/endpoints/7:generateContent", Some("endpoints/7")),
            ("/v1internal:generateContent", None),
        ] {
            let model = found("POST", "h", path, b"{}").and_then(|target| target.model);
            assert_eq!(model.as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_body_that_is_no_object_is_not_claimed() {
        assert_eq!(found("POST", "h", "/v1/models/m:generateContent", b"a=b"), None);
        assert!(found("POST", "h", "/v1/models/m:generateContent", b"").is_some());
    }
}
