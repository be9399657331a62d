//! The page's own files, inside the binary. None of them is secret.

use axum::Router;
use axum::extract::Extension;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode, Uri, header};
use rust_embed::{EmbeddedFile, RustEmbed};
use tower_http::compression::CompressionLayer;

use crate::proxy::Otherwise;

/// `src/web/page`. A debug build reads the files from there, so that a change shows at once.
#[derive(RustEmbed)]
#[folder = "src/web/page"]
struct Files;

/// First parts of the paths that a view has; the script shows it. None may be the short name of
/// a provider: the base URL is asked first.
pub(super) const VIEWS: [&str; 7] =
    ["exchanges", "threads", "diff", "prompts", "stats", "egress", "start"];

/// Answers with files and views.
pub(super) fn router() -> Router {
    let mut router = Router::new().route("/", get(index)).route("/page/{*file}", get(file));
    for view in VIEWS {
        router = router
            .route(&format!("/{view}"), get(index))
            .route(&format!("/{view}/"), get(index))
            .route(&format!("/{view}/{{*rest}}"), get(index));
    }
    router.layer(CompressionLayer::new())
}

/// What is neither a view nor an upstream.
pub(super) async fn unknown(Extension(otherwise): Extension<Otherwise>) -> Response {
    let status = StatusCode::from_u16(otherwise.status).unwrap_or(StatusCode::NOT_FOUND);
    (status, format!("overhear: {}\n", otherwise.words)).into_response()
}

/// Whether a path may be one of the page's; all others are told what would be an upstream.
pub(super) fn may_be_ours(path: &str) -> bool {
    let first = path.split('/').nth(1).unwrap_or_default();
    ["", "api", "metrics", "page"].contains(&first) || VIEWS.contains(&first)
}

async fn index(headers: HeaderMap) -> Response {
    answer("index.html", &headers)
}

async fn file(uri: Uri, headers: HeaderMap) -> Response {
    answer(uri.path().trim_start_matches("/page/"), &headers)
}

fn answer(path: &str, headers: &HeaderMap) -> Response {
    let Some(file) = Files::get(path) else {
        return (StatusCode::NOT_FOUND, "overhear: no such file\n").into_response();
    };
    let tag = tag(&file);
    let tags = [(header::ETAG, tag.as_str()), (header::CACHE_CONTROL, "no-cache")];
    let known = headers.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    // A compressed answer's tag comes back as a weak one.
    if known.is_some_and(|known| known.trim_start_matches("W/") == tag) {
        return (StatusCode::NOT_MODIFIED, tags).into_response();
    }
    (tags, [(header::CONTENT_TYPE, kind(path))], file.data).into_response()
}

fn tag(file: &EmbeddedFile) -> String {
    let hash: String =
        file.metadata.sha256_hash().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hash}\"")
}

fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::providers;

    #[test]
    fn no_view_is_a_provider() {
        for view in VIEWS.into_iter().chain(["api", "metrics", "page"]) {
            assert_eq!(providers::short_name(view), None, "{view}");
        }
    }

    #[test]
    fn every_file_has_its_kind() {
        assert!(Files::get("index.html").is_some());
        for path in Files::iter() {
            let is_text = ["LICENSE", ".md", "update"].iter().any(|end| path.ends_with(end));
            assert!(is_text || !kind(&path).starts_with("text/plain"), "{path}");
        }
    }
}
