//! A fake LLM provider to point an app or Overhear at: real TLS, made-up answers.
//!
//! ```text
//! cargo run --example fake_provider -- --port 9443
//! overhear run --resolve '*:443:127.0.0.1:9443' --upstream-ca CA.pem -- your-tool …
//! ```
//!
//! The first line of stdout is the address, the second the file with the CA's certificate.
//! It serves until Ctrl-C.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use overhear::demo::provider::{Alpn, Compression, Options, Provider};

/// Serves a fake OpenAI, OpenRouter and Anthropic on 127.0.0.1.
#[derive(Parser)]
struct Arguments {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 9443)]
    port: u16,
    /// Where to write the certificate of the provider's CA.
    #[arg(long, value_name = "FILE", default_value = "fake-provider-ca.pem")]
    ca: PathBuf,
    /// Another name or IP address the certificate is for; may be repeated.
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
    /// Wait before each event of a stream, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pace: u64,
    /// HTTP versions to offer.
    #[arg(long, value_enum, default_value_t = Http::One)]
    http: Http,
    /// Compress replies for apps that accept it.
    #[arg(long)]
    gzip: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Http {
    /// HTTP/1.1 alone.
    #[value(name = "1")]
    One,
    /// HTTP/2 and HTTP/1.1.
    #[value(name = "2")]
    Two,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut options = Options {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port)),
        alpn: match arguments.http {
            Http::One => Alpn::Http1,
            Http::Two => Alpn::Http2,
        },
        compression: if arguments.gzip { Compression::Gzip } else { Compression::Off },
        pace: Duration::from_millis(arguments.pace),
        ..Options::default()
    };
    options.names.extend(arguments.name);
    let provider = Provider::start(options).await?;
    let ca = arguments.ca.display();
    std::fs::write(&arguments.ca, &provider.ca_pem)
        .with_context(|| format!("cannot write `{ca}`; give another file with --ca"))?;

    let mut stdout = std::io::stdout();
    writeln!(stdout, "https://{}\n{ca}", provider.addr)?;
    tokio::signal::ctrl_c().await?;
    writeln!(std::io::stderr(), "{} requests received", provider.request_count())?;
    Ok(())
}
