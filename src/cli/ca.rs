//! `overhear ca`: the certificate authority, and who trusts it.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};

use super::authority;
use super::places::Places;
use super::printer::{ExitStatus, Printer};
use super::settings::{ConfigFile, ProxyArgs};
use crate::ca::trust::{self, System};
use crate::ca::{Authority, Scope};

/// Show, trust or remove the certificate authority
#[derive(Args, Clone, Debug)]
pub struct CaArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Clone, Debug)]
enum Action {
    /// Print where the root certificate is, making one if there is none
    Path,
    /// Print where the bundle is: the system's roots and ours, for SSL_CERT_FILE and its like
    Bundle,
    /// Show what it is, what it may speak for, and how to recognise it
    Show,
    /// Use an organisation's own CA (PEM files) instead of one of ours
    Import {
        /// The CA's certificate, its issuers behind it
        cert: PathBuf,
        /// Its key
        key: PathBuf,
    },
    /// Let this system trust it, by its own store
    Trust,
    /// Undo what `trust` did
    Untrust,
    /// Undo what `trust` did and delete every file of the CA
    Remove,
}

/// Runs the command.
pub fn ca(
    args: &CaArgs,
    places: &Places,
    config: &ConfigFile,
    out: &mut Printer,
) -> Result<ExitStatus> {
    let system = System::this();
    match &args.action {
        Action::Path => {
            let authority = usual(places, config, out)?;
            print_path(authority.root_path(), out)?;
        }
        Action::Bundle => {
            let authority = usual(places, config, out)?;
            print_path(authority.bundle_path(), out)?;
        }
        Action::Show => show(&*usual(places, config, out)?, out)?,
        Action::Import { cert, key } => {
            let read = |path: &PathBuf| {
                std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read `{}`", path.display()))
            };
            Authority::import(&places.ca(), &read(cert)?, &read(key)?)?;
            show(&*usual(places, config, out)?, out)?;
        }
        Action::Trust => {
            let authority = usual(places, config, out)?;
            if *authority.scope() == Scope::Everything {
                bail!(
                    "a CA that can speak for every host is not put into the system's store\nhint: \
                     name the hosts with `--intercept` instead of `--all`"
                );
            }
            trust::trust(&authority, &system, &mut |words| out.talk(words))?;
        }
        Action::Untrust => trust::untrust(&places.ca(), &system, &mut |words| out.talk(words))?,
        Action::Remove if super::running::Running::find(places).is_some() => {
            bail!("a proxy is running with this CA\nhint: stop it first")
        }
        Action::Remove => trust::remove(&places.ca(), &system, &mut |words| out.talk(words))?,
    }
    Ok(ExitStatus::Found)
}

/// The authority of the hosts that the configuration names.
fn usual(
    places: &Places,
    config: &ConfigFile,
    out: &mut Printer,
) -> Result<std::sync::Arc<Authority>> {
    let scope = match running_scope(places) {
        Some(scope) => scope,
        None => ProxyArgs::default().settings(config)?.rules.intercept,
    };
    let (authority, words) = authority::kept(places, &scope)?;
    for word in words {
        out.talk(word);
    }
    Ok(authority)
}

/// What a proxy that runs with hosts of its own may sign: looking at its authority must not
/// make it anew.
fn running_scope(places: &Places) -> Option<Scope> {
    super::running::Running::find(places)?.scope()
}

fn print_path(path: Option<PathBuf>, out: &mut Printer) -> Result<()> {
    let path = path.context("the certificate authority has no file")?;
    out.line(&[(super::printer::Ink::Plain, path.display().to_string())])?;
    Ok(())
}

fn show(authority: &Authority, out: &mut Printer) -> Result<()> {
    use super::printer::Ink::{Dim, Plain};
    let root = authority.root_path().map(|path| path.display().to_string());
    let bundle = authority.bundle_path().map(|path| path.display().to_string());
    for (name, value) in [
        ("root         ", root.unwrap_or_default()),
        ("bundle       ", bundle.unwrap_or_default()),
        ("sha256       ", authority.fingerprint()),
        ("spki         ", authority.spki_hash()),
        ("valid until  ", authority.not_after().to_string()),
        ("may sign for ", authority.scope().to_string()),
    ] {
        out.line(&[(Dim, name.to_owned()), (Plain, value)])?;
    }
    Ok(())
}
