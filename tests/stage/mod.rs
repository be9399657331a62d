//! What the tests of the whole program share: the built binary in a world of its own, the
//! fake provider for all hosts, and an app that speaks TLS through the proxy.

pub mod app;
pub mod kept;
pub mod origin;
mod world;

pub use app::App;
pub use origin::Origin;
pub use world::{Serve, Stage, lines, text};

use std::time::{Duration, Instant};

/// How long a test waits for what must happen: only a fault makes it wait so long.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Looks until there is something.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < give_up, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The folder that `tests/run` fills with clients; without it the test says that it is skipped.
pub fn tools() -> Option<std::path::PathBuf> {
    let tools = std::env::var_os("OVERHEAR_TEST_TOOLS").map(Into::into);
    if tools.is_none() {
        skipped("OVERHEAR_TEST_TOOLS is not set; `tests/run` sets it");
    }
    tools
}

/// Prometheus' own checker: `tests/run` has one, or the system.
pub fn promtool() -> std::process::Command {
    let own = std::env::var_os("OVERHEAR_TEST_TOOLS").map(std::path::PathBuf::from);
    let own = own.map(|tools| tools.join("bin/promtool")).filter(|path| path.exists());
    std::process::Command::new(own.unwrap_or_else(|| "promtool".into()))
}

/// Says that the test tests nothing here.
pub fn skipped(why: &str) {
    println!("skipped: {why}");
}
