//! `overhear mcp`: the capture for agents.

use std::io::IsTerminal;

use anyhow::Result;
use clap::Args;

use super::places::Places;
use super::printer::{ExitStatus, Printer};
use crate::mcp;

/// Let agents read the capture: a server of the Model Context Protocol on stdin and stdout
///
/// For reading only: it has no tool that changes anything, and needs no running proxy. An agent's
/// settings name it as a command: `claude mcp add overhear -- overhear mcp`. Tools: search, list,
/// threads, show, diff, stats, prompts (docs/mcp.md). Ends when stdin does.
#[derive(Args, Clone, Debug)]
pub struct McpArgs {}

/// Runs the command.
pub fn mcp(_: &McpArgs, places: &Places, out: &mut Printer) -> Result<ExitStatus> {
    if std::io::stdin().is_terminal() {
        let add = format!("claude mcp add overhear -- {} mcp", places.command());
        out.talk(format_args!("waiting for an agent on stdin; to add it to one: {add}"));
    }
    mcp::serve(places.capture())?;
    Ok(ExitStatus::Found)
}
