//! What an app is called, and in which version.

use crate::model::App;

/// Products that say nothing of the app: a browser's engine names all its ancestors.
const ENGINES: [&str; 10] = [
    "Mozilla",
    "AppleWebKit",
    "Chrome",
    "Safari",
    "Electron",
    "Gecko",
    "Firefox",
    "Version",
    "Mobile",
    "Edg",
];

/// An app by the name and version that it gives in its `User-Agent`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Product {
    /// Such as `claude-cli`; the process's name where the user agent has none; empty if that
    /// is not known either.
    pub name: String,
    /// Such as `2.1.330`; empty if it is not known.
    pub version: String,
}

impl Product {
    /// The product of an app.
    pub fn of(app: &App) -> Self {
        let agent = app.user_agent.as_deref().unwrap_or_default();
        let mut products = outside_comments(agent).into_iter();
        let named = products.find(|product| {
            let name = product.split('/').next().unwrap_or_default();
            !name.is_empty() && !ENGINES.contains(&name)
        });
        match (named, &app.process) {
            (Some(product), _) => {
                let (name, version) = product.split_once('/').unwrap_or((product, ""));
                Self { name: name.to_owned(), version: version.to_owned() }
            }
            (None, process) => {
                Self { name: process.clone().unwrap_or_default(), version: String::new() }
            }
        }
    }
}

/// The words of a user agent that stand in no brackets.
fn outside_comments(agent: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let mut words = Vec::new();
    for piece in agent.split_inclusive(['(', ')']) {
        let inside = depth > 0;
        if piece.ends_with('(') {
            depth += 1;
        } else if piece.ends_with(')') {
            depth = depth.saturating_sub(1);
        }
        if !inside {
            words.extend(piece.trim_end_matches(['(', ')']).split_whitespace());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_says_its_name_and_version() {
        for (agent, process, expected) in [
            (
                Some("claude-cli/2.1.330 (external, sdk-cli)"),
                Some("node"),
                ("claude-cli", "2.1.330"),
            ),
            (
                Some("codex_cli_rs/0.169.0 (Debian 13.0.0; x86_64) unknown"),
                None,
                ("codex_cli_rs", "0.169.0"),
            ),
            (
                Some(
                    "Mozilla/5.0 (X11; Linux (x)) AppleWebKit/537.36 (KHTML, like Gecko) Desk/0.9.3 Chrome/140 Electron/38 Safari/537.36",
                ),
                Some("desk"),
                ("Desk", "0.9.3"),
            ),
            (Some("Mozilla/5.0 (X11; Linux)"), Some("editor"), ("editor", "")),
            (Some("agent"), None, ("agent", "")),
            (None, Some("node"), ("node", "")),
            (None, None, ("", "")),
        ] {
            let app = App {
                user_agent: agent.map(Into::into),
                process: process.map(Into::into),
                pid: None,
            };
            let Product { name, version } = Product::of(&app);
            assert_eq!((name.as_str(), version.as_str()), expected, "{agent:?}");
        }
    }
}
