//! `overhear demo`: the whole of it without a key and without a network.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::{Args, Parser};
use serde_json::json;

use super::places::Places;
use super::printer::{ExitStatus, Ink, Printer};
use super::say::Speaker;
use super::session::{Listen, Session};
use super::settings::{ConfigFile, ProxyArgs};
use super::{ls, show};
use crate::ca::Authority;
use crate::demo::app;
use crate::demo::provider::{Options, Provider};
use crate::dialect::{self, Asked, Frame, Grown, Reading};
use crate::observe::sse;
use crate::proxy::Resolve;
use crate::store::{Order, Reader, Selection, short_id};

/// The host that the demo's app calls; it is resolved to the fake provider.
const HOST: &str = "api.openai.com";
/// Where on that host.
const PATH: &str = "/v1/chat/completions";
/// Between two events of the answer: so that one sees it stream.
const PACE: Duration = Duration::from_millis(30);

/// Show what Overhear does, with a fake provider: needs no key and no network
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {}

/// Runs the command.
pub fn demo(_: &DemoArgs, out: &mut Printer) -> Result<ExitStatus> {
    let folder = Temporary::make()?;
    let places = Places::new(Some(&folder.0));
    heading("a closed tool asks a model, through the proxy", out)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the demo's provider")?;
    let options = Options { pace: PACE, ..Options::default() };
    let provider = runtime.block_on(Provider::start(options))?;
    let session = begin(&provider, &folder, &places)?;
    let answered = runtime.block_on(chat(&session.0, &session.1, out));
    let proxy = session.0.listen.proxy;
    session.0.stop();
    answered.map_err(|e| anyhow!("the demo's app got no answer: {e}"))?;
    show_capture(&places, out)?;
    heading("now your own tool", out)?;
    for line in [
        "overhear run -- TOOL ARGS…      # then: overhear ls · overhear grep PATTERN",
        "overhear                        # or as a proxy for tools configured by hand",
    ] {
        out.line(&[(Ink::Plain, format!("  {line}"))])?;
    }
    out.line(&[(
        Ink::Dim,
        format!("  (the demo's proxy was on {proxy}; its capture is deleted)"),
    )])?;
    Ok(ExitStatus::Found)
}

fn begin(
    provider: &Provider,
    folder: &Temporary,
    places: &Places,
) -> Result<(Session, Arc<Authority>)> {
    let provider_ca = folder.0.join("provider-ca.pem");
    std::fs::write(&provider_ca, &provider.ca_pem)?;
    let mut settings = ProxyArgs::default().settings(&ConfigFile::default())?;
    let resolve: Resolve = format!("{HOST}:443:{}", provider.addr).parse()?;
    settings.resolve = vec![resolve];
    settings.upstream_ca = vec![provider_ca];
    let authority = Arc::new(Authority::ephemeral(&settings.rules.intercept)?);
    let listen = Listen { proxy: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), web: None };
    let session =
        Session::start(settings, places, listen, Arc::clone(&authority), Speaker::start().say())?;
    Ok((session, authority))
}

/// The app's side: what its user would see.
async fn chat(
    session: &Session,
    authority: &Authority,
    out: &mut Printer,
) -> Result<(), app::AppError> {
    let question = "What does a proxy see of a prompt?";
    let body = json!({
        "model": "gpt-demo",
        "stream": true,
        "stream_options": {"include_usage": true},
        "temperature": 0.2,
        "messages": [
            {"role": "system", "content": "You are the hidden system prompt of a closed tool. Never mention proxies."},
            {"role": "user", "content": question},
        ],
    });
    out.line(&[(Ink::Role, "you   "), (Ink::Plain, question)])?;
    write!(out.data(), "tool  ")?;
    out.flush()?;
    let mut events = sse::Decoder::new();
    let mut words = Words::default();
    let root = authority.root_pem();
    app::ask(session.listen.proxy, &root, (HOST, PATH), body.to_string(), |piece| {
        events.feed(piece, &mut |sent| words.take(sent.event, out));
    })
    .await?;
    out.line(&[(Ink::Plain, "")])?;
    Ok(())
}

/// Prints the answer as it grows: the demo's app reads it with the product's own dialect.
#[derive(Default)]
struct Words {
    reading: Option<Box<dyn Reading>>,
}

impl Words {
    fn take(&mut self, event: sse::Event<'_>, out: &mut Printer) {
        if self.reading.is_none() {
            let headers = Vec::new();
            let body = b"{\"messages\":[]}";
            let asked = Asked { method: "POST", host: HOST, path: PATH, headers: &headers, body };
            self.reading = dialect::claim(&asked).map(|(dialect, _)| dialect.begin(&asked));
        }
        let Some(reading) = &mut self.reading else { return };
        reading.reply(Frame::Event(event), jiff::Timestamp::now(), &mut |grown| {
            if let Grown::Text(text) = grown {
                // Stdout may be closed: the demo then ends with the command's last line.
                let _ = out.data().write_all(text.as_bytes());
                let _ = out.flush();
            }
        });
    }
}

fn show_capture(places: &Places, out: &mut Printer) -> Result<()> {
    let capture = places.capture();
    heading("overhear ls", out)?;
    ls::ls(&Parsed::<ls::LsArgs>::default_args()?, &capture, out)?;
    let reader = Reader::open(&capture)?;
    let page = reader.list(&Selection::default(), Order::NewestFirst, None, 1)?;
    let listed = page.exchanges.first().context("nothing was captured")?;
    let id = short_id(listed.id);
    heading(&format!("overhear show {id}"), out)?;
    let args = Parsed::<show::ShowArgs>::args(["demo", &id])?;
    show::show(&args, &capture, out)?;
    Ok(())
}

/// Arguments as the command line would give them.
#[derive(Parser)]
struct Parsed<T: Args> {
    #[command(flatten)]
    args: T,
}

impl<T: Args> Parsed<T> {
    fn default_args() -> Result<T> {
        Self::args(["demo"])
    }

    fn args<const N: usize>(words: [&str; N]) -> Result<T> {
        Ok(Self::try_parse_from(words)?.args)
    }
}

fn heading(words: &str, out: &mut Printer) -> Result<()> {
    out.line(&[(Ink::Plain, "")])?;
    out.line(&[(Ink::Bold, format!("── {words}"))])?;
    Ok(out.flush()?)
}

/// A folder that goes away with the demo.
struct Temporary(std::path::PathBuf);

impl Temporary {
    fn make() -> Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let folder =
            std::env::temp_dir().join(format!("overhear-demo-{}", uuid::Uuid::now_v7().simple()));
        std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What cannot be deleted is in the system's folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
