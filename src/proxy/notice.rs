//! What the user is told while the proxy runs: lines on stderr, never data.

use std::fmt;
use std::sync::Arc;

use crate::flow::{Host, TunnelReason};

/// Something worth a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// An app refuses our certificate for a host.
    Distrust {
        /// The host.
        host: Host,
        /// What the app calls itself, if it does.
        app: Option<String>,
        /// How it refused.
        how: String,
        /// Whether its next flows to the host are tunnelled from now on.
        remembered: bool,
    },
    /// An origin cannot be reached.
    Unreachable {
        /// Which, and why.
        why: String,
    },
    /// An app spoke HTTP/2 without TLS to the base URL.
    ClearHttp2,
    /// A listed host is passed on unread, and not because somebody wished so.
    Unread {
        /// The host.
        host: Host,
        /// Why.
        reason: TunnelReason,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Distrust { host, app, how, remembered } => {
                let app = app.as_deref().unwrap_or("an app");
                write!(f, "{app} does not trust Overhear's certificate for `{host}` ({how})")?;
                if *remembered {
                    write!(
                        f,
                        "; its connections to that host pass through unread for an hour, or until it is restarted"
                    )?;
                }
                write!(
                    f,
                    "\nhint: start it by `overhear run -- TOOL`, or give it the CA: `overhear ca \
                     path`, and certs/README.md for which variable it reads; then restart it"
                )
            }
            Self::ClearHttp2 => f.write_str(
                "an app spoke HTTP/2 without TLS to the base URL, which takes HTTP/1.1; its \
                 connection was closed\nhint: tell it to use HTTP/1.1, such as the AWS SDK for \
                 Node by `requestHandler: new NodeHttpHandler()`",
            ),
            Self::Unreachable { why } => f.write_str(why),
            Self::Unread { host, reason } => {
                write!(f, "connections to `{host}` pass through unread: {reason}")
            }
        }
    }
}

/// Takes notices.
pub type Notify = Arc<dyn Fn(Notice) + Send + Sync>;
