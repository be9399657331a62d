//! What was done to the trust stores, kept until it is undone.

use std::path::Path;

use super::super::files::{self, Readers};
use super::{Error, Step};

/// The list of steps.
pub(super) const NAME: &str = "trusted.json";

/// What was done and not yet undone.
pub(super) fn load(folder: &Path) -> Result<Vec<Step>, Error> {
    let path = folder.join(NAME);
    let Some(text) = files::read(&path)? else {
        return Ok(Vec::new());
    };
    serde_json::from_str(&text).map_err(|error| Error::file("read", &path)(error.into()))
}

/// Writes the list, or removes it if it is empty. It names commands that are run later, by
/// root perhaps: only its owner may write it.
pub(super) fn save(folder: &Path, steps: &[Step]) -> Result<(), Error> {
    let path = folder.join(NAME);
    if steps.is_empty() {
        return files::remove(&path);
    }
    let text = serde_json::to_vec_pretty(steps)
        .map_err(|error| Error::file("write", &path)(error.into()))?;
    files::replace(&path, &text, Readers::Owner)
}
