//! A small app that asks for a streamed chat through a proxy, as any other would.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tower_service::Service;

/// Why the app did not get its answer.
pub type AppError = Box<dyn std::error::Error + Send + Sync>;

/// Sends `body` to `https://HOST/PATH` through `proxy`, trusting `root` alone, and hands each
/// piece of the reply to `came` when it comes.
pub async fn ask(
    proxy: SocketAddr,
    root: &str,
    (host, path): (&'static str, &str),
    body: String,
    mut came: impl FnMut(&[u8]),
) -> Result<(), AppError> {
    let proxy: Uri = format!("http://{proxy}").parse()?;
    let target: Uri = format!("https://{host}:443").parse()?;
    let tcp = Tunnel::new(proxy, HttpConnector::new()).call(target).await?.into_inner();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let tls = connector.connect(ServerName::try_from(host)?, tcp).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(tls)).await?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::HOST, host)
        .header(header::USER_AGENT, "overhear-demo/1")
        .header(header::AUTHORIZATION, "Bearer sk-fake-demo-key-0000000000000000")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))?;
    let mut reply = sender.send_request(request).await?.into_body();
    while let Some(frame) = reply.frame().await {
        if let Some(data) = frame?.data_ref() {
            came(data);
        }
    }
    Ok(())
}
