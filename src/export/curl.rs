//! A command that sends a request again, safe in any POSIX shell.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::keys::Word;
use super::resend::Resend;
use super::{ExportError, Item};

/// Longest body that stands among the arguments, in bytes: Linux takes no argument of more than
/// 128 KiB.
const ARGUMENT_BYTES_MAX: usize = 96 << 10;

/// The command, with what is to know before it.
pub(super) fn command(item: &Item<'_>) -> Result<String, ExportError> {
    Ok(written(&Resend::of(item)?))
}

pub(super) fn written(resend: &Resend) -> String {
    // In single quotes fish reads a backslash as an escape.
    let mut text = "# for sh, bash and zsh\n".to_owned();
    for line in &resend.says {
        text.push_str(&format!("# {line}\n"));
    }
    let mut arguments = Vec::new();
    match (resend.method.as_str(), resend.body.is_empty()) {
        ("GET", true) | ("POST", false) => {}
        ("HEAD", _) => arguments.push("--head".to_owned()),
        (method, _) => arguments.push(format!("--request {}", quoted(method))),
    }
    arguments.push(format!("--url {}", joined("", &resend.url)));
    for (name, value) in &resend.headers {
        // So curl sends a header without a value.
        let line = match value.is_empty() {
            true => quoted(&format!("{name};")),
            false => joined(&format!("{name}: "), value),
        };
        arguments.push(format!("--header {line}"));
    }
    let has = |name: &str| resend.headers.iter().any(|(had, _)| had.eq_ignore_ascii_case(name));
    if !resend.body.is_empty() && !has("content-type") {
        // Else curl says that it is a form.
        arguments.push("--header 'Content-Type:'".to_owned());
    }
    let mut before = String::new();
    match resend.text() {
        _ if resend.body.is_empty() => {}
        Some(body) if body.len() <= ARGUMENT_BYTES_MAX => {
            arguments.push(format!("--data-raw {}", quoted(body)));
        }
        Some(body) => {
            before = format!("printf '%s' {} |\n", quoted(body));
            arguments.push("--data-binary @-".to_owned());
        }
        None => {
            before = format!("printf '%s' {} | base64 --decode |\n", STANDARD.encode(&resend.body));
            arguments.push("--data-binary @-".to_owned());
        }
    }
    // Braces and brackets of a URL, and dots of its path, are what they are.
    let options = "curl --no-buffer --compressed --globoff --path-as-is";
    text.push_str(&before);
    text.push_str(&format!("{options} \\\n  {}\n", arguments.join(" \\\n  ")));
    text
}

/// A word of the shell: text as it stands, variables filled in.
fn joined(before: &str, words: &[Word]) -> String {
    let is_tame = |text: &str| {
        text.bytes().all(|b| b.is_ascii_alphanumeric() || b" -_.,:;/=+?&@%".contains(&b))
    };
    let texts = words.iter().all(|word| match word {
        Word::Text(text) => is_tame(text),
        Word::Key(_) => true,
    });
    let has_key = words.iter().any(|word| matches!(word, Word::Key(_)));
    if has_key && texts && is_tame(before) {
        let inside: String = words
            .iter()
            .map(|word| match word {
                Word::Text(text) => text.clone(),
                Word::Key(name) => format!("${{{name}}}"),
            })
            .collect();
        return format!("\"{before}{inside}\"");
    }
    // Nothing that a shell reads in double quotes, such as `!`, stands in them.
    let mut all = String::new();
    let mut text = before.to_owned();
    for word in words {
        match word {
            Word::Text(more) => text.push_str(more),
            Word::Key(name) => {
                if !text.is_empty() {
                    all.push_str(&quoted(&std::mem::take(&mut text)));
                }
                all.push_str(&format!("\"${{{name}}}\""));
            }
        }
    }
    if !text.is_empty() || all.is_empty() {
        all.push_str(&quoted(&text));
    }
    all
}

/// Text as one word of the shell. In single quotes, where nothing has a meaning but the quote
/// itself: JSON stays readable, which in double quotes it would not.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// What a real shell hands to a program named `curl`: its arguments, then its input.
    fn run(resend: &Resend) -> (Vec<String>, Vec<u8>) {
        let script = format!(
            "curl() {{ for a in \"$@\"; do printf '%s\\0' \"$a\"; done; case \"$*\" in *@-*) cat;; esac; }}\n\
             KEY=secret\n{}",
            written(resend)
        );
        // Not as an argument: those have a limit of their own.
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("script");
        std::fs::write(&file, script).unwrap();
        let output = Command::new("sh").arg(file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut pieces: Vec<&[u8]> = output.stdout.split(|byte| *byte == 0).collect();
        let input = match written(resend).contains("@-") {
            true => output.stdout.get(output.stdout.len() - resend.body.len()..).unwrap().to_vec(),
            false => Vec::new(),
        };
        pieces.pop();
        let arguments = pieces.iter().map(|piece| String::from_utf8_lossy(piece).into_owned());
        (arguments.collect(), input)
    }

    fn resend(body: &[u8]) -> Resend {
        let text = |text: &str| Word::Text(text.to_owned());
        Resend {
            says: vec!["a line".to_owned()],
            method: "POST".to_owned(),
            url: vec![text("https://example.com/a?b=$(id)&c='"), Word::Key("KEY".to_owned())],
            headers: vec![
                ("Authorization".to_owned(), vec![text("Bearer "), Word::Key("KEY".to_owned())]),
                ("X".to_owned(), vec![text("`id` ! \\ \" '"), Word::Key("KEY".to_owned())]),
                ("Empty".to_owned(), vec![]),
            ],
            body: body.to_vec(),
        }
    }

    #[test]
    fn a_shell_gives_back_what_was_sent() {
        for body in
            ["{\"a\": \"it's $HOME `id` \\\\ !x\"}", "@/etc/passwd", "EOF\n'\n\"\n", "天\n\n"]
        {
            let (arguments, _) = run(&resend(body.as_bytes()));
            let after = |name: &str| {
                let at = arguments.iter().position(|a| a == name).unwrap();
                arguments[at + 1].clone()
            };
            assert_eq!(after("--data-raw"), body);
            assert_eq!(after("--url"), "https://example.com/a?b=$(id)&c='secret");
            for header in ["Authorization: Bearer secret", "X: `id` ! \\ \" 'secret", "Empty;"] {
                assert!(arguments.iter().any(|a| a == header), "{header}: {arguments:?}");
            }
        }
    }

    #[test]
    fn a_body_that_is_long_or_no_text_comes_through_a_pipe() {
        let long = "it's long ".repeat(ARGUMENT_BYTES_MAX / 4);
        for body in [long.as_bytes(), b"\0\xff\x1b[2J"] {
            assert_eq!(run(&resend(body)).1, body);
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]
        #[test]
        fn any_body_comes_back(body: Vec<u8>, text: String) {
            for body in [body.as_slice(), text.as_bytes()] {
                let sent = resend(body);
                let (arguments, input) = run(&sent);
                if let Some(at) = arguments.iter().position(|a| a == "--data-raw") {
                    proptest::prop_assert_eq!(arguments[at + 1].as_bytes(), body);
                } else {
                    proptest::prop_assert_eq!(input, body);
                }
            }
        }
    }
}
