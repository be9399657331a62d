//! The decoders as a library: reads the event stream of a chat reply, as a file or on stdin, and
//! prints the answer while it reads. No proxy, no socket.
//!
//! ```text
//! curl -sN https://api.openai.com/v1/chat/completions … | decode_stream
//! decode_stream recorded.sse --path /v1/messages
//! ```
//!
//! The answer goes to stdout. Reasoning, tool calls, tokens and what could not be read go to
//! stderr.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Parser;
use jiff::Timestamp;
use overhear::dialect::{self, Asked, Frame, Grown};
use overhear::observe::sse;

/// Prints the answer that an event stream of a chat API holds.
#[derive(Parser)]
struct Arguments {
    /// The stream as it was on the wire, content coding undone; stdin if not given.
    file: Option<PathBuf>,
    /// The path that was asked: it tells the dialect.
    #[arg(long, default_value = "/v1/chat/completions")]
    path: String,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut stream: Box<dyn Read> = match &arguments.file {
        Some(file) => {
            let opened = File::open(file);
            Box::new(opened.with_context(|| format!("cannot open `{}`", file.display()))?)
        }
        None => Box::new(io::stdin()),
    };

    // A dialect reads request and reply together. Here only the reply is known, so the request
    // is an empty one to the same path.
    let headers = Vec::new();
    let path = arguments.path.as_str();
    let asked =
        Asked { method: "POST", host: "", path, headers: &headers, body: br#"{"messages":[]}"# };
    let Some((dialect, _)) = dialect::claim(&asked) else {
        bail!(
            "no dialect reads `{path}`\nhint: `/v1/chat/completions` and `/v1/messages` are read"
        );
    };
    let mut reading = dialect.begin(&asked);
    let mut events = sse::Decoder::new();

    // The decoders do no IO and take pieces that are cut anywhere.
    let mut piece = vec![0; 16 << 10];
    loop {
        let read = stream.read(&mut piece).context("cannot read the stream")?;
        let mut dispatch = |sent: sse::Dispatch<'_>| {
            reading.reply(Frame::Event(sent.event), Timestamp::now(), &mut |grown| print(grown));
        };
        match piece.get(..read) {
            Some(bytes) if !bytes.is_empty() => events.feed(bytes, &mut dispatch),
            _ => {
                // A last event without its empty line: the one with the tokens, often.
                events.finish(&mut dispatch);
                break;
            }
        }
        io::stdout().flush()?;
    }

    let is_complete = reading.is_complete();
    let decoded = reading.finish();
    writeln!(io::stdout())?;
    let mut told = io::stderr();
    if let Some(usage) = &decoded.usage {
        let shown = |count: Option<u64>| count.map_or("?".to_owned(), |count| count.to_string());
        writeln!(told, "tokens: {} in, {} out", shown(usage.input), shown(usage.output))?;
    }
    if let Some(error) = &decoded.error {
        writeln!(told, "error: {}: {}", error.kind, error.message)?;
    }
    if !is_complete {
        writeln!(told, "the stream ends before the answer does")?;
    }
    for note in &decoded.notes {
        writeln!(told, "note: {note}")?;
    }
    Ok(())
}

/// Shows what the answer grew by.
fn print(grown: Grown<'_>) {
    // A closed stdout is noticed by the next flush.
    let _ = match grown {
        Grown::Text(words) => write!(io::stdout(), "{words}"),
        Grown::Reasoning(words) | Grown::Arguments(words) => write!(io::stderr(), "{words}"),
        Grown::ToolCall(name) => write!(io::stderr(), "\n{name} "),
    };
}
