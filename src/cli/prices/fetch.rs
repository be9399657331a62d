//! `overhear prices update`: the newest table, over HTTPS, when the user asks for it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::cli::printer::{ExitStatus, Printer};
use crate::cli::settings;
use crate::cli::stats::grouped;
use crate::flow::{Host, Origin, Scheme};
use crate::price::Table;
use crate::proxy::Dialer;

/// Largest table that is taken, in bytes: today's has one megabyte.
const TABLE_BYTES_MAX: usize = 32 << 20;

/// How long the fetching may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(60);

/// Fetches the table and puts it at `to`, whole or not at all.
pub(super) fn update(from: &str, to: &Path, out: &mut Printer) -> Result<ExitStatus> {
    let json = match from.starts_with("https://") {
        true => fetched(from).with_context(|| format!("cannot fetch `{from}`"))?,
        false if from.contains("://") => bail!("`{from}` is not fetched\nhint: only `https://`"),
        false => fs::read(from).with_context(|| format!("cannot read `{from}`"))?,
    };
    let table = Table::parse(&json).with_context(|| format!("what `{from}` gave is not used"))?;
    let models = table.models().count() as u64;
    replace(to, &json).with_context(|| format!("cannot write `{}`", to.display()))?;
    out.talk(format_args!(
        "{} models from {from}, kept in `{}`\nA running proxy uses it from its next start; \
         `overhear prices apply` computes recorded costs again.",
        grouped(models),
        to.display()
    ));
    Ok(ExitStatus::Found)
}

/// Replaces the file at once, so that a reader has the old table or the new one.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let new = path.with_extension("new");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

fn fetched(url: &str) -> Result<Vec<u8>> {
    let uri: Uri = url.parse().context("that is no URL")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match tokio::time::timeout(FETCH_TIMEOUT, get(&uri)).await {
            Ok(json) => json,
            Err(_) => bail!("there was no answer within {} s", FETCH_TIMEOUT.as_secs()),
        }
    })
}

async fn get(uri: &Uri) -> Result<Vec<u8>> {
    let host = uri.host().context("the URL has no host")?;
    let port = uri.port_u16().unwrap_or(443);
    let origin = Origin { scheme: Scheme::Https, host: Host::new(host), port };
    let dialer = Dialer::new(Vec::new(), settings::upstream_of_environment());
    let tcp = dialer.dial(&origin).await?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned())?;
    let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls)).await?;
    tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().context("the URL has no host")?.as_str();
    let request = Request::get(path)
        .header(header::HOST, authority)
        .header(header::USER_AGENT, concat!("overhear/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())?;
    let reply = sender.send_request(request).await?;
    if !reply.status().is_success() {
        bail!("the server answered {}", reply.status());
    }
    match Limited::new(reply.into_body(), TABLE_BYTES_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes().to_vec()),
        Err(e) => bail!("the answer broke off, or has more than {TABLE_BYTES_MAX} bytes: {e}"),
    }
}
