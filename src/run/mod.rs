//! A child process in the environment that makes it come through the proxy.
//!
//! The child is as it would be without us: the same terminal, process group and descriptors,
//! its signals and its exit status passed on exactly.

mod child;
mod ending;
mod signals;

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use crate::ca::{Authority, Error, Files, Variable, environment};

pub use child::{Child, NotStarted};
pub use ending::Ending;

/// What Node loads first: it gives Node versions without `NODE_USE_ENV_PROXY`, and clients
/// with agents of their own, the proxy of the environment.
pub const PRELOAD: &str = include_str!("preload.cjs");

/// Writes the files that a child needs into `folder` and gives the variables that name them.
/// The caller removes the folder when the child is gone; only its owner may enter it.
pub fn outfit(
    authority: &Authority,
    proxy: SocketAddr,
    folder: &Path,
) -> Result<(Files, Vec<Variable>), Error> {
    let parent = |name: &str| -> Option<OsString> { std::env::var_os(name) };
    let mut files = Files::write(authority, folder, &parent)?;
    let preload = folder.join("preload.cjs");
    fs::write(&preload, PRELOAD).map_err(|source| Error::File {
        verb: "write",
        path: preload.clone(),
        source,
    })?;
    files.preload = Some(preload);
    let variables = environment(proxy, &files, &parent);
    Ok((files, variables))
}

#[cfg(test)]
mod tests;
