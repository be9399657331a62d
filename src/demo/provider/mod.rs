//! A fake LLM provider: a real server with real TLS and made-up answers.
//!
//! It speaks OpenAI's chat completions (OpenRouter's additions too), embeddings and models,
//! and Anthropic's messages, as far as the companies' own SDKs ask for it. The demo and the
//! tests talk to it because no provider is where they run.
//!
//! Every answer is a function of the prompt, so that the same requests in the same order get
//! the same bytes from every provider that was just started:
//!
//! | in the request | gives |
//! |---|---|
//! | last user text has `use the tool` | a call of the tool named in it, or of the first |
//! | … `use the tools` | calls of the first two tools |
//! | a schema for the answer | JSON that fits it |
//! | anything else | how many words were sent, then a text in many scripts |
//! | model has `reason`, or thinking is on | reasoning before the answer |
//! | model has `long` | the text a hundred times |
//! | model has `error-429`, `error-overloaded` | the error |
//! | model has `error-mid-stream` | an error after some events |
//! | model has `cut-mid-stream` | the connection closes after some events |
//! | no key, or one of the wrong shape | 401 |
//!
//! The first byte of a connection decides what it speaks: TLS, plain HTTP, or `CONNECT`, after
//! which any name is the provider itself. So `HTTPS_PROXY` set to its address leads an app to
//! it under the real names, with nobody between.

mod anthropic;
mod certificate;
mod connection;
mod encoding;
mod inbox;
mod openai;
mod options;
mod plan;
mod prompt;
mod received;
mod reply;
mod route;
mod schema;
mod tee;
mod words;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

pub use inbox::REQUESTS_MAX;
pub use options::{Alpn, Compression, Options, StartError};
pub use received::Received;

use connection::Service;

/// A running provider; it stops when dropped, and its connections end with it.
#[derive(Debug)]
pub struct Provider {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The certificate, in PEM, of the authority that signed its own: a throw-away one that
    /// is made at each start and whose key is gone by then.
    pub ca_pem: String,
    service: Arc<Service>,
    accepting: JoinHandle<()>,
}

impl Provider {
    /// Listens and serves on the runtime of the caller.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let certificate = certificate::make(&options.names, options.alpn)?;
        let listen = |source| StartError::Listen { addr: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;
        let service = Arc::new(Service::new(options, certificate.server));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&service)));
        Ok(Self { addr, ca_pem: certificate.ca_pem, service, accepting })
    }

    /// The requests received so far, oldest first, each when its body has come to its end. Of
    /// more than [`REQUESTS_MAX`] the oldest are forgotten.
    pub fn requests(&self) -> Vec<Received> {
        self.service.inbox.requests()
    }

    /// How many requests were received, forgotten ones included.
    pub fn request_count(&self) -> u64 {
        self.service.inbox.count()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Accepts until the task is aborted; the set's drop ends the connections then.
async fn accept(listener: TcpListener, service: Arc<Service>) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // Out of file descriptors: those in use come back, the listener stays.
                let Ok((tcp, _)) = accepted else {
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                    continue;
                };
                number += 1;
                connections.spawn(connection::serve(tcp, number, Arc::clone(&service)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

#[cfg(test)]
mod tests;
