//! What `serve` and `run` are told: flags, then `OVERHEAR_*`, then the configuration file,
//! then what is built in.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Deserialize;

use super::places;
use crate::ca::Scope;
use crate::dialect::providers;
use crate::proxy::{NoProxy, Resolve, Rules, Upstream};
use crate::record::Durability;
use crate::record::secrets::Bodies;
use crate::sink;
use crate::store::Retention;

/// Where the proxy listens unless told otherwise.
pub const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8484);
/// Where the base URL is unless told otherwise.
pub const WEB: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 4141);
/// Memory of all tapes together unless told otherwise, in bytes: half a minute of a gigabit
/// link. At most half of what the file system of the tapes holds.
pub const TAPE_BUDGET: u64 = 512 << 20;

/// How the proxy works
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Proxy")]
pub struct ProxyArgs {
    /// Where the proxy listens [default: 127.0.0.1:8484; `run`: a free port]
    #[arg(long, value_name = "ADDR", env = "OVERHEAR_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Where the page and the base URL are served [default: 127.0.0.1:4141; `run`: none]
    #[arg(long, value_name = "ADDR", env = "OVERHEAR_WEB")]
    pub web: Option<SocketAddr>,
    /// Show the page to others than this machine too, if they ask for it by NAME, a host name or
    /// an address; repeatable
    #[arg(long, value_name = "NAME", env = "OVERHEAR_PAGE_HOST", value_delimiter = ',')]
    pub page_host: Vec<String>,
    /// Also read HOST, or with `*.DOMAIN` all below it; repeatable
    #[arg(long, value_name = "HOST", env = "OVERHEAR_INTERCEPT", value_delimiter = ',')]
    pub intercept: Vec<String>,
    /// Never read HOST, or with `*.DOMAIN` what is below it; repeatable
    #[arg(long, value_name = "HOST", env = "OVERHEAR_TUNNEL", value_delimiter = ',')]
    pub tunnel: Vec<String>,
    /// Read every host; needs a CA that can speak for every host
    #[arg(long, env = "OVERHEAR_ALL")]
    pub all: bool,
    /// Dial ADDR for HOST:PORT; `*` is any host or any port; repeatable
    #[arg(
        long,
        value_name = "HOST:PORT:ADDR[:PORT]",
        env = "OVERHEAR_RESOLVE",
        value_delimiter = ','
    )]
    pub resolve: Vec<Resolve>,
    /// Trust the certificates in FILE (PEM) beside the system's, for origins; repeatable
    #[arg(long, value_name = "FILE", env = "OVERHEAR_UPSTREAM_CA", value_delimiter = ',')]
    pub upstream_ca: Vec<PathBuf>,
    /// Reach origins through this proxy, `http://[USER:PASSWORD@]HOST:PORT` [default: that of
    /// HTTPS_PROXY, unless it is on this machine]
    #[arg(long, value_name = "URL", env = "OVERHEAR_PARENT_PROXY", hide_env_values = true)]
    pub parent_proxy: Option<String>,
    /// Most memory for what is not stored yet, in MiB [default: 512]
    #[arg(long, value_name = "MIB", env = "OVERHEAR_TAPE_BUDGET")]
    pub tape_budget: Option<u64>,
    /// Delete exchanges that are older than N days and not pinned; 0: never [default: 90]
    #[arg(long, value_name = "N", env = "OVERHEAR_KEEP_DAYS")]
    pub keep_days: Option<u32>,
    /// Delete the oldest exchanges while the capture is larger than N GB; 0: never [default: 20]
    #[arg(long, value_name = "N", env = "OVERHEAR_KEEP_GB")]
    pub keep_gb: Option<f64>,
    /// Let each commit wait for the disk, so that a loss of power costs nothing
    #[arg(long, env = "OVERHEAR_DURABLE")]
    pub durable: bool,
    /// Keep bodies as they went over the wire, secrets included; those of header lines are
    /// replaced all the same
    #[arg(long, env = "OVERHEAR_KEEP_BODY_SECRETS")]
    pub keep_body_secrets: bool,
    /// Deliver what is recorded to KIND+URL too, such as `phoenix+http://127.0.0.1:6006`; kinds
    /// are otlp, phoenix, mlflow, langfuse, loki, webhook; repeatable
    #[arg(
        long,
        value_name = "KIND+URL",
        env = "OVERHEAR_SINK",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub sink: Vec<String>,
}

/// The configuration file: the same names.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Config {
    listen: Option<SocketAddr>,
    web: Option<SocketAddr>,
    #[serde(default)]
    page_host: Vec<String>,
    data_dir: Option<PathBuf>,
    #[serde(default)]
    intercept: Vec<String>,
    #[serde(default)]
    tunnel: Vec<String>,
    #[serde(default)]
    all: bool,
    #[serde(default)]
    resolve: Vec<String>,
    #[serde(default)]
    upstream_ca: Vec<PathBuf>,
    parent_proxy: Option<String>,
    tape_budget: Option<u64>,
    keep_days: Option<u32>,
    keep_gb: Option<f64>,
    #[serde(default)]
    durable: bool,
    #[serde(default)]
    keep_body_secrets: bool,
    #[serde(default)]
    sink: Vec<sink::Table>,
}

/// The configuration file, read or absent.
#[derive(Clone, Debug, Default)]
pub struct ConfigFile {
    config: Config,
    /// Where it is, or would be.
    path: PathBuf,
}

/// What came of all of them.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the proxy listens; `None` if nobody said.
    pub listen: Option<SocketAddr>,
    /// Where the base URL is; `None` if nobody said.
    pub web: Option<SocketAddr>,
    /// Names by which others may ask for the page.
    pub page_hosts: Vec<String>,
    /// What is read and what is passed on.
    pub rules: Rules,
    /// Addresses for names.
    pub resolve: Vec<Resolve>,
    /// What is dialled.
    pub upstream: Upstream,
    /// Certificates to trust for origins.
    pub upstream_ca: Vec<PathBuf>,
    /// Memory of all tapes together, in bytes.
    pub tape_budget: u64,
    /// How long and how much is kept.
    pub retention: Retention,
    /// Whether a commit waits for the disk.
    pub durability: Durability,
    /// The user's own prices.
    pub prices: PathBuf,
    /// What becomes of the secrets in bodies.
    pub bodies: Bodies,
    /// Where what is recorded is delivered to.
    pub sinks: Vec<sink::Settings>,
}

impl ConfigFile {
    /// Reads the file at `path`, or the user's own if there is one.
    pub fn read(path: Option<&Path>) -> Result<Self> {
        let (path, needed) = match path {
            Some(path) => (path.to_owned(), true),
            None => (places::config_file(), false),
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && !needed => {
                return Ok(Self { config: Config::default(), path });
            }
            Err(e) => return Err(e).context(format!("cannot read `{}`", path.display())),
        };
        // Without the line itself, which toml would show: a key may stand in it.
        let config = toml::from_str(&text).map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.matches('\n').count() + 1);
            anyhow::anyhow!(
                "`{}` is no configuration of Overhear's: line {line}: {}",
                path.display(),
                error.message()
            )
        })?;
        Ok(Self { config, path })
    }

    /// What becomes of the secrets in bodies, where nothing else is said.
    pub fn bodies(&self) -> Bodies {
        if self.config.keep_body_secrets { Bodies::Kept } else { Bodies::Replaced }
    }

    /// How long and how much is kept, with what was said beside the file.
    pub fn retention(&self, days: Option<u32>, gigabytes: Option<f64>) -> Retention {
        retention(days.or(self.config.keep_days), gigabytes.or(self.config.keep_gb))
    }

    /// The sinks of the file and those of `urls`, reached by what is dialled through.
    pub fn sinks(&self, urls: &[String], upstream: &Upstream) -> Result<Vec<sink::Settings>> {
        let variable = |name: &str| std::env::var(name).ok();
        let mut sinks = Vec::new();
        for table in &self.config.sink {
            sinks.push(sink::Settings::from_table(table.clone(), &variable)?);
        }
        for url in urls {
            sinks.push(sink::Settings::from_url(url, &variable)?);
        }
        let mut names: Vec<&str> = sinks.iter().map(|sink| sink.name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair.first() == pair.last()) {
            let name = twice.first().copied().unwrap_or_default();
            bail!(
                "two sinks are called `{name}`\nhint: give one another name: `name = …`, `#name=…`"
            );
        }
        if let Upstream::Parent { proxy, .. } = upstream {
            let except = of_environment(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
            for sink in &mut sinks {
                sink.via = Some(sink::Via { url: proxy.to_string(), except: except.clone() });
            }
        }
        Ok(sinks)
    }

    /// The folder of the capture, if the file names one.
    pub fn data_dir(&self) -> Option<&Path> {
        self.config.data_dir.as_deref()
    }

    /// The user's own prices: `prices.toml` beside the configuration file.
    pub fn prices(&self) -> PathBuf {
        self.path.with_file_name("prices.toml")
    }
}

impl ProxyArgs {
    /// Whether anything was said on the command line that a running proxy would not do.
    pub fn ask_for_a_proxy_of_their_own(&self) -> bool {
        let Self {
            listen,
            web,
            intercept,
            tunnel,
            all,
            resolve,
            upstream_ca,
            parent_proxy,
            keep_body_secrets,
            sink,
            ..
        } = self;
        listen.is_some()
            || web.is_some()
            || !(intercept.is_empty() && tunnel.is_empty() && resolve.is_empty())
            || *all
            || *keep_body_secrets
            || !(upstream_ca.is_empty() && sink.is_empty())
            || parent_proxy.is_some()
    }

    /// These, completed by the configuration file.
    pub fn settings(self, file: &ConfigFile) -> Result<Settings> {
        let config = &file.config;
        let intercept = match self.all || config.all {
            true => Scope::Everything,
            false => {
                let known = providers::intercept_patterns().map(str::to_owned);
                Scope::only(known.chain(self.intercept).chain(config.intercept.clone()))?
            }
        };
        let tunnel = Scope::only(self.tunnel.iter().chain(&config.tunnel))?;
        let mut resolve = self.resolve;
        for text in &config.resolve {
            resolve.push(text.parse()?);
        }
        let upstream = match self.parent_proxy.as_ref().or(config.parent_proxy.as_ref()) {
            Some(url) => Upstream::Parent { proxy: parent_proxy(url)?, except: NoProxy::default() },
            None => upstream_of_environment(),
        };
        let mut upstream_ca = self.upstream_ca;
        upstream_ca.extend(config.upstream_ca.iter().cloned());
        let tape_budget = self.tape_budget.or(config.tape_budget);
        let sinks = file.sinks(&self.sink, &upstream)?;
        let durable = self.durable || config.durable;
        Ok(Settings {
            retention: file.retention(self.keep_days, self.keep_gb),
            durability: if durable { Durability::Power } else { Durability::Process },
            listen: self.listen.or(config.listen),
            web: self.web.or(config.web),
            page_hosts: self.page_host.into_iter().chain(config.page_host.clone()).collect(),
            rules: Rules { intercept, tunnel },
            resolve,
            upstream,
            upstream_ca,
            tape_budget: tape_budget.map_or(TAPE_BUDGET, |mib| mib << 20),
            prices: file.prices(),
            sinks,
            bodies: match self.keep_body_secrets || config.keep_body_secrets {
                true => Bodies::Kept,
                false => Bodies::Replaced,
            },
        })
    }
}

/// What was said of days and gigabytes, and else what is built in; none is zero.
fn retention(days: Option<u32>, gigabytes: Option<f64>) -> Retention {
    let Retention { mut age, mut bytes } = Retention::default();
    if let Some(days) = days {
        age = (days > 0).then(|| Duration::from_secs(u64::from(days) * 24 * 3600));
    }
    if let Some(gigabytes) = gigabytes {
        bytes = (gigabytes > 0.0).then_some((gigabytes * 1e9) as u64);
    }
    Retention { age, bytes }
}

/// The proxy by which this machine reaches the network, if its environment names one: what
/// the tool would have used without us. One that leads back to this machine is an Overhear,
/// most likely, and two of them would read the same.
pub fn upstream_of_environment() -> Upstream {
    let Some(url) = of_environment(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
    else {
        return Upstream::Direct;
    };
    let url = if url.contains("://") { url } else { format!("http://{url}") };
    match parent_proxy(&url) {
        Ok(proxy) if !proxy.host().is_some_and(is_this_machine) => {
            let except = of_environment(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
            Upstream::Parent { proxy, except: NoProxy::new(&except) }
        }
        _ => Upstream::Direct,
    }
}

/// The first of the variables that says something.
fn of_environment(names: &[&str]) -> Option<String> {
    let values = names.iter().filter_map(|name| std::env::var(name).ok());
    values.map(|value| value.trim().to_owned()).find(|value| !value.is_empty())
}

fn is_this_machine(host: &str) -> bool {
    let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

fn parent_proxy(url: &str) -> Result<http::Uri> {
    let uri: http::Uri = url.parse().with_context(|| "the parent proxy is no URL")?;
    if uri.scheme_str() != Some("http") || uri.authority().is_none_or(|a| a.port().is_none()) {
        bail!(
            "the parent proxy must be `http://[USER:PASSWORD@]HOST:PORT`\nhint: a proxy that is \
             itself reached over TLS is not supported"
        );
    }
    Ok(uri)
}
