//! The counters of this process, sent to a collector now and then.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::post::{Post, PostError};
use super::{Notify, Until};
use crate::metrics::Metrics;
use crate::sink::otlp::metrics;
use crate::sink::{Kind, Parcel, Settings};

/// As often as OpenTelemetry's own SDKs do.
const EVERY: Duration = Duration::from_secs(60);

/// Where the counters go.
pub(super) struct Meter {
    name: String,
    post: Post,
    metrics: Metrics,
    notify: Notify,
}

impl Meter {
    /// The way of `metrics` to a sink, if it takes metrics: a collector does unless the user says
    /// that it does not, what shows traces alone has no place for them.
    pub(super) fn new(
        settings: &Settings,
        metrics: &Metrics,
        notify: &Notify,
    ) -> Result<Option<Self>, PostError> {
        if settings.kind != Kind::Otlp || settings.option("metrics") == Some("false") {
            return Ok(None);
        }
        let post = Post::new(settings, "/v1/traces", true)?.beside("/v1/metrics");
        let (metrics, notify) = (metrics.clone(), notify.clone());
        Ok(Some(Self { name: settings.name.clone(), post, metrics, notify }))
    }

    /// Sends them until the end, and once more there. They are sums since the start, so one that
    /// was not taken is made good by the next.
    pub(super) async fn serve(self, mut until: watch::Receiver<Until>) {
        loop {
            let is_over = tokio::select! {
                () = tokio::time::sleep(EVERY) => false,
                _ = until.wait_for(|until| *until != Until::Stopped) => true,
            };
            let answered = tokio::select! {
                answered = self.send() => answered,
                _ = until.wait_for(|until| *until == Until::Now) => return,
            };
            if is_over {
                return;
            }
            if let Some(status @ (400..=407 | 415)) = answered {
                let name = &self.name;
                (self.notify)(&format!(
                    "sink `{name}` takes no metrics ({status}): they are sent no more\nhint: \
                     `#metrics=false` says so from the start; exchanges are delivered all the same"
                ));
                return;
            }
        }
    }

    async fn send(&self) -> Option<u16> {
        let resource = [("service.name", "overhear")];
        let parcel = Parcel {
            content_type: "application/x-protobuf",
            headers: Vec::new(),
            body: metrics::request(&self.metrics, &resource, Timestamp::now()),
        };
        self.post.send(self.post.pack(parcel)).await.ok().map(|reply| reply.status)
    }
}
