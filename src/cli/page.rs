//! `overhear page`, and how a session starts the page.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::places::Places;
use super::prices;
use super::printer::{ExitStatus, Printer};
use super::running::Running;
use super::say::Say;
use super::session::Listen;
use super::settings::Settings;
use super::token;
use crate::ca::Authority;
use crate::metrics::Metrics;
use crate::record::Lexicon;
use crate::web::{self, LexiconOf, Page, Ways};

/// Providers that the page names in examples of a base URL.
const EXAMPLES: [&str; 3] = ["openai/v1", "anthropic", "https://openrouter.ai/api/v1"];

/// Print the link that opens the page
///
/// The page is served by `overhear`, on the address of the base URL. Whoever has the link can
/// read the capture: the token in it opens the page once and for all in the browser that
/// follows it.
#[derive(Args, Clone, Debug)]
pub struct PageArgs {
    /// Make a new token: browsers that were let in must follow the new link once `overhear` was
    /// started again
    #[arg(long)]
    new_token: bool,
}

/// Runs the command.
pub fn page(args: &PageArgs, places: &Places, out: &mut Printer) -> Result<ExitStatus> {
    let path = places.page_token();
    if args.new_token {
        if path.exists() {
            fs::remove_file(&path)
                .with_context(|| format!("cannot remove `{}`", path.display()))?;
        }
        token::kept(path)?;
        out.talk("made a new token; start `overhear` again to use it");
        return Ok(ExitStatus::Found);
    }
    let Some(address) = Running::find(places).and_then(|running| running.page) else {
        bail!("no page is served for this capture\nhint: start `overhear`, and leave it running");
    };
    out.data().write_all(format!("{}\n", link(address, &token::kept(path)?)).as_bytes())?;
    Ok(ExitStatus::Found)
}

/// The link that lets a browser in.
pub fn link(web: SocketAddr, token: &str) -> String {
    // Who listens everywhere is on this machine too.
    let web = if web.ip().is_unspecified() { on_loopback(web) } else { web };
    format!("http://{web}/?token={token}")
}

fn on_loopback(web: SocketAddr) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), web.port())
}

/// Starts the page once it is known where the session listens.
pub type Starter = Box<dyn FnOnce(Listen) -> Result<Page> + Send>;

/// What opens what the page's address serves.
pub struct Tokens {
    /// Opens the page.
    pub page: String,
    /// What base URLs begin with, if other machines can reach them.
    pub path: Option<String>,
}

/// Makes ready to start the page, which shows `metrics` too.
pub fn starter(
    settings: &Settings,
    places: &Places,
    authority: &Arc<Authority>,
    tokens: Tokens,
    metrics: Metrics,
    say: Say,
) -> Starter {
    let (places, authority, hosts) =
        (places.clone(), Arc::clone(authority), settings.page_hosts.clone());
    let (bodies, own_prices) = (settings.bodies, settings.prices.clone());
    let of_prices = places.clone();
    let lexicon: LexiconOf = Arc::new(move |key| {
        let prices = prices::or_default(prices::open(&own_prices, &of_prices), |words| say(words));
        Lexicon { prices, ..Lexicon::with_bodies(key, bodies) }
    });
    Box::new(move |listen| {
        let Some(web) = listen.web else { bail!("the page has no address") };
        let ways = ways(listen.proxy, web, tokens.path.as_deref(), &authority, &places);
        let settings = web::Settings {
            capture: places.capture(),
            tapes: places.tapes(),
            lexicon,
            token: tokens.page,
            address: web,
            hosts,
            ways,
            metrics,
        };
        Page::start(settings).context("cannot start the page's thread")
    })
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    shlex::try_quote(&path).map_or_else(|_| path.to_string(), Into::into)
}

/// How tools are led to this session.
fn ways(
    proxy: SocketAddr,
    web: SocketAddr,
    path_token: Option<&str>,
    authority: &Authority,
    places: &Places,
) -> Ways {
    let mut lines = vec![format!("export HTTPS_PROXY=http://{proxy}")];
    if let Some(bundle) = authority.bundle_path() {
        let root = bundle.with_file_name("root.pem");
        let bundle = quoted(&bundle);
        for variable in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"] {
            lines.push(format!("export {variable}={bundle}"));
        }
        let root = quoted(&root);
        lines.push(format!("export NODE_EXTRA_CA_CERTS={root}"));
    }
    let (base, first) = match path_token {
        Some(token) => (format!("HOST:{}", web.port()), format!("{token}/")),
        None => (web.to_string(), String::new()),
    };
    Ways {
        run: format!("{} run -- TOOL", places.command()),
        proxy: lines,
        base_urls: EXAMPLES
            .iter()
            .map(|example| format!("http://{base}/{first}{example}"))
            .collect(),
    }
}
