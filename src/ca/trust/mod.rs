//! The system's trust stores: what `overhear ca trust` does, and how it is undone.
//!
//! Nothing else touches them. What is done is a list of commands, written down with their
//! undoing before the first of them runs.

mod manifest;
mod nss;
mod steps;

use std::path::{Path, PathBuf};

use super::authority::{BUNDLE, OWN, ROOT};
use super::import::IMPORTED;
use super::{Authority, Error, files};
pub use steps::{Command, Privilege, Step, System};

/// What is told while it happens: one line a step.
pub type Say<'a> = &'a mut dyn FnMut(&str);

/// Makes the system, and the browsers with stores of their own, trust the authority. What an
/// earlier `trust` did is undone first, so that no root of an earlier authority stays.
pub fn trust(authority: &Authority, system: &System, say: Say<'_>) -> Result<(), Error> {
    let folder = authority.folder().ok_or(Error::Ephemeral)?;
    untrust(folder, system, say)?;
    let steps = system.steps(authority)?;
    manifest::save(folder, &steps)?;
    for step in &steps {
        say(&step.say);
        for command in &step.make {
            system.run(command)?;
        }
    }
    Ok(())
}

/// Undoes exactly what [`trust`] did, the last step first. What cannot be undone stays on the
/// list for the next try, and the rest is done all the same.
pub fn untrust(folder: &Path, system: &System, say: Say<'_>) -> Result<(), Error> {
    let mut kept = Vec::new();
    let mut failure = None;
    for step in manifest::load(folder)?.into_iter().rev() {
        say(&format!("undo: {}", step.say));
        let undone: Result<Vec<()>, Error> = step.undo.iter().map(|c| system.run(c)).collect();
        if let Err(error) = undone {
            say(&error.to_string());
            kept.insert(0, step);
            failure.get_or_insert(error);
        }
    }
    manifest::save(folder, &kept)?;
    failure.map_or(Ok(()), Err)
}

/// Undoes [`trust`] and deletes every file of ours in `folder`; the folder too, if nothing
/// else is in it.
pub fn remove(folder: &Path, system: &System, say: Say<'_>) -> Result<(), Error> {
    if !folder.exists() {
        return Ok(());
    }
    untrust(folder, system, say)?;
    for path in ours(folder)? {
        say(&format!("delete {}", path.display()));
        files::remove(&path)?;
    }
    // It stays if somebody put something else there.
    let _ = std::fs::remove_dir(folder);
    Ok(())
}

/// Our files, and what a crash left of one that was being written: it may be a key.
fn ours(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = std::fs::read_dir(folder).map_err(Error::file("list", folder))?;
    let names = entries.filter_map(|entry| entry.ok().map(|entry| entry.file_name()));
    let ours = names.filter(|name| {
        let name = name.to_string_lossy();
        OURS.iter().any(|ours| match name.strip_prefix(ours) {
            Some(rest) => rest.is_empty() || rest.ends_with(".new"),
            None => false,
        })
    });
    Ok(ours.map(|name| folder.join(name)).collect())
}

/// Every file of ours.
const OURS: [&str; 6] = [OWN, IMPORTED, ROOT, BUNDLE, manifest::NAME, "lock"];

#[cfg(test)]
mod tests;
