//! Which certificate authority a command works with, and what is said of it.

use std::sync::Arc;

use anyhow::Result;

use super::places::Places;
use crate::ca::{Authority, Issued, Scope, bundle};

/// The authority kept on the disk, made or made anew as the scope needs, and what the user
/// must know of that.
pub fn kept(places: &Places, scope: &Scope) -> Result<(Arc<Authority>, Vec<String>)> {
    let (authority, issued) = Authority::load_or_create(&places.ca(), scope)?;
    let mut words = Vec::new();
    match issued {
        Issued::Unchanged => {}
        Issued::Created => words.push("made a certificate authority of your own".to_owned()),
        Issued::Reissued(why) => words.push(format!(
            "made a new certificate authority: {why}; whoever trusted the old one must be given \
             the new one"
        )),
    }
    if *scope == Scope::Everything {
        words.push(
            "WARNING: with `--all` the certificate authority can speak for every host, and all \
             traffic is read; whoever gets its key can read it too. Do not leave it trusted."
                .to_owned(),
        );
    }
    if let Some(path) = authority.bundle_path() {
        let bundle = bundle::write_bundle(&authority, &path)?;
        if bundle.others == 0 {
            words.push(
                "WARNING: no system certificates were found: the bundle holds Overhear's alone"
                    .to_owned(),
            );
        }
        words.extend(bundle.notes);
    }
    Ok((Arc::new(authority), words))
}

/// The authority of one `run`: the kept one where there is one for this scope, so that tools
/// that trust it by the system's store work; else one that ends with the run.
pub fn for_run(places: &Places, scope: &Scope, own_scope: OwnScope) -> Result<Arc<Authority>> {
    let folder = places.ca();
    let imported = folder.join("imported.pem").exists();
    let usual = own_scope == OwnScope::No && folder.join("root.pem").exists();
    if imported || usual {
        return Ok(kept(places, scope)?.0);
    }
    Ok(Arc::new(Authority::ephemeral(scope)?))
}

/// Whether the user asked for other hosts than the usual ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnScope {
    /// Yes: a kept authority would have to be made anew for them, which nobody asked for.
    Yes,
    /// No.
    No,
}
