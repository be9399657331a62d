//! `overhear serve`, or just `overhear`: the proxy, the page and the base URL, until Ctrl-C.

use anyhow::{Result, bail};
use clap::Args;

use super::authority;
use super::places::Places;
use super::printer::{ExitStatus, Printer};
use super::running::Running;
use super::say::Speaker;
use super::session::{Listen, Session};
use super::settings::{ConfigFile, LISTEN, ProxyArgs, WEB};

/// Run the proxy, the page and the base URL until Ctrl-C
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    #[command(flatten)]
    pub(super) proxy: ProxyArgs,
}

/// What to do when a proxy runs already.
const ANOTHER: &str = "`overhear run -- TOOL` uses it; `--data-dir` begins another capture";

/// Runs the command.
pub fn serve(
    args: ServeArgs,
    places: &Places,
    config: &ConfigFile,
    out: &mut Printer,
) -> Result<ExitStatus> {
    let settings = args.proxy.settings(config)?;
    if let Some(running) = Running::find(places) {
        bail!(
            "a proxy already runs for this capture, on `{}` (process {})\nhint: {ANOTHER}",
            running.proxy,
            running.pid
        );
    }
    let (authority, words) = authority::kept(places, &settings.rules.intercept)?;
    for word in words {
        out.talk(word);
    }
    let listen =
        Listen { proxy: settings.listen.unwrap_or(LISTEN), web: Some(settings.web.unwrap_or(WEB)) };
    let bundle = authority.bundle_path();
    let scope = settings.rules.intercept.clone();
    let mut signals = Signals::new()?;
    let speaker = Speaker::start();
    let session = Session::start(settings, places, listen, authority, speaker.say())?;
    let here = Running::here(session.listen.proxy, session.listen.web, &scope);
    let Some(announcement) = here.announce(places)? else {
        // Another one started at the same moment.
        session.stop();
        bail!("a proxy already runs for this capture\nhint: {ANOTHER}");
    };
    greet(&session, bundle.as_deref(), places, out);
    signals.wait();
    // Who looks for a running proxy from now on shall start one of their own.
    drop(announcement);
    session.stop();
    speaker.finish();
    Ok(ExitStatus::Found)
}

fn greet(session: &Session, bundle: Option<&std::path::Path>, places: &Places, out: &mut Printer) {
    let proxy = session.listen.proxy;
    out.talk(format_args!(
        "overhear {} records to {}",
        env!("CARGO_PKG_VERSION"),
        places.capture().display()
    ));
    out.talk("");
    if let Some(link) = &session.page_link {
        out.talk(format_args!("  the page        {link}"));
    }
    out.talk(format_args!("  one tool        {} run -- TOOL", places.command()));
    out.talk(format_args!("  as a proxy      HTTPS_PROXY=http://{proxy}"));
    if let Some(bundle) = bundle {
        out.talk(format_args!("                  SSL_CERT_FILE={}", bundle.display()));
        let root = bundle.with_file_name("root.pem");
        out.talk(format_args!("                  NODE_EXTRA_CA_CERTS={}", root.display()));
    }
    if let Some(web) = session.listen.web {
        match &session.token {
            None => {
                out.talk(format_args!("  as a base URL   http://{web}/openai/v1"));
                out.talk(format_args!(
                    "                  http://{web}/https://openrouter.ai/api/v1"
                ));
            }
            Some(token) => {
                out.talk(format_args!(
                    "  as a base URL   http://HOST:{}/{token}/openai/v1",
                    web.port()
                ));
                out.talk(
                    "  WARNING: the base URL is open to other machines: whoever knows the token in \
                     its path can send requests from here",
                );
            }
        }
    }
    if !proxy.ip().is_loopback() {
        out.talk("  WARNING: the proxy is open to other machines: whoever reaches it can use it");
    }
    if !session.sinks.is_empty() {
        out.talk(format_args!("  delivers to     {}", session.sinks.join(", ")));
    }
    out.talk("");
    out.talk(
        "  what was said   overhear ls · overhear grep PATTERN · overhear show ID · overhear tail",
    );
}

/// Waits for the signals that end a service.
struct Signals(signal_hook::iterator::Signals);

impl Signals {
    fn new() -> Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        Ok(Self(signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?))
    }

    fn wait(&mut self) {
        let _ = self.0.forever().next();
    }
}
