//! The command line: flags, settings, one file a command; the only wiring.

mod amount;
mod anatomy;
mod authority;
mod ca;
mod delete;
mod demo;
mod diff;
mod egress;
mod export;
mod filters;
mod grep;
mod import;
mod leaks;
mod ls;
mod mcp;
mod page;
mod places;
mod prices;
mod printer;
mod prompts;
mod prune;
mod remark;
mod reread;
mod run;
mod running;
mod say;
mod serve;
mod session;
mod settings;
mod show;
mod sinks;
mod stats;
mod status;
mod table;
mod tail;
mod threads;
mod token;
mod verify;
mod which;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use places::Places;
use printer::{ExitStatus, Printer};
use settings::ConfigFile;

/// See what closed tools say to LLM providers
///
/// Overhear is a proxy that passes every byte on unchanged and records the prompts and answers
/// in it. Without a command it serves: the proxy on 127.0.0.1:8484, the page and the base URL
/// on 127.0.0.1:4141.
#[derive(Parser, Debug)]
#[command(name = "overhear", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Keep everything in DIR [default: $XDG_DATA_HOME/overhear]
    #[arg(long, value_name = "DIR", env = "OVERHEAR_DATA_DIR", global = true)]
    data_dir: Option<PathBuf>,
    /// Read settings from FILE (TOML) [default: $XDG_CONFIG_HOME/overhear/config.toml]
    #[arg(long, value_name = "FILE", env = "OVERHEAR_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    serve: serve::ServeArgs,
}

#[derive(Subcommand, Debug)]
enum Command {
    Serve(serve::ServeArgs),
    Run(run::RunArgs),
    Ls(ls::LsArgs),
    Grep(grep::GrepArgs),
    Threads(threads::ThreadsArgs),
    Show(show::ShowArgs),
    Diff(diff::DiffArgs),
    Prompts(prompts::PromptsArgs),
    Tail(tail::TailArgs),
    Page(page::PageArgs),
    Leaks(leaks::LeaksArgs),
    Stats(stats::StatsArgs),
    Anatomy(anatomy::AnatomyArgs),
    Prices(prices::PricesArgs),
    Export(export::ExportArgs),
    Sinks(sinks::SinksArgs),
    Import(import::ImportArgs),
    Pin(remark::PinArgs),
    Unpin(remark::UnpinArgs),
    Tag(remark::TagArgs),
    Note(remark::NoteArgs),
    Delete(delete::DeleteArgs),
    Prune(prune::PruneArgs),
    Vacuum(prune::VacuumArgs),
    Verify(verify::VerifyArgs),
    Backup(verify::BackupArgs),
    Repair(verify::RepairArgs),
    Reread(reread::RereadArgs),
    Egress(egress::EgressArgs),
    Mcp(mcp::McpArgs),
    Status(status::StatusArgs),
    Ca(ca::CaArgs),
    Demo(demo::DemoArgs),
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    // A limit on the size of files is an error of one write, not the end of all connections.
    // A handler and not an ignored signal: children would inherit that.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
    let matches = Cli::command().get_matches();
    let mut out = Printer::stdio();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(e) => e.exit(),
    };
    if let Err(e) = refuse_misplaced(&matches) {
        return out.settle(Err(e)).into();
    }
    let config = match ConfigFile::read(cli.config.as_deref()) {
        Ok(config) => config,
        Err(e) => return out.settle(Err(e)).into(),
    };
    let places = Places::new(cli.data_dir.as_deref().or(config.data_dir()));
    let command = cli.command.unwrap_or(Command::Serve(cli.serve));
    if let Command::Run(args) = command {
        return match run::run(args, &places, &config, &mut out) {
            run::Outcome::Ended(ending) => ending.leave(),
            run::Outcome::NotStarted(code) => ExitCode::from(code),
            run::Outcome::Failed(status) => status.into(),
        };
    }
    let result = execute(command, &places, &config, &mut out);
    out.settle(result).into()
}

/// Options of `serve` before another command would be forgotten in silence.
fn refuse_misplaced(matches: &ArgMatches) -> Result<()> {
    let Some(command) = matches.subcommand_name() else { return Ok(()) };
    let of_both = ["data_dir", "config"];
    for id in matches.ids().map(clap::Id::as_str).filter(|id| !of_both.contains(id)) {
        // Groups of options bear the names of their types.
        let is_option = id.starts_with(char::is_lowercase);
        if is_option && matches.value_source(id) == Some(ValueSource::CommandLine) {
            let option = id.replace('_', "-");
            match command {
                "serve" | "run" => bail!(
                    "`--{option}` stands before `{command}`\nhint: overhear {command} --{option} …"
                ),
                _ => bail!("`{command}` has no `--{option}`: that is for `serve` and `run`"),
            }
        }
    }
    Ok(())
}

fn execute(
    command: Command,
    places: &Places,
    config: &ConfigFile,
    out: &mut Printer,
) -> Result<ExitStatus> {
    let capture = places.capture();
    match command {
        Command::Serve(args) => serve::serve(args, places, config, out),
        Command::Ls(args) => ls::ls(&args, &capture, out),
        Command::Grep(args) => grep::grep(&args, &capture, out),
        Command::Threads(args) => threads::threads(&args, &capture, out),
        Command::Show(args) => show::show(&args, &capture, out),
        Command::Diff(args) => diff::diff(&args, &capture, out),
        Command::Prompts(args) => prompts::prompts(&args, &capture, out),
        Command::Tail(args) => tail::tail(&args, places, config, out),
        Command::Page(args) => page::page(&args, places, out),
        Command::Anatomy(args) => anatomy::anatomy(&args, &capture, out),
        Command::Prices(args) => prices::prices(&args, places, config, out),
        Command::Leaks(args) => leaks::leaks(&args, &capture, out),
        Command::Stats(args) => stats::stats(&args, &capture, out),
        Command::Export(args) => export::export(&args, &capture, config, out),
        Command::Sinks(args) => sinks::sinks(&args, &capture, out),
        Command::Import(args) => import::import(&args, places, config, out),
        Command::Pin(args) => remark::pin(&args, &capture, out),
        Command::Unpin(args) => remark::unpin(&args, &capture, out),
        Command::Tag(args) => remark::tag(&args, &capture, out),
        Command::Note(args) => remark::note(&args, &capture, out),
        Command::Delete(args) => delete::delete(&args, &capture, out),
        Command::Prune(args) => prune::prune(&args, &capture, config, out),
        Command::Vacuum(args) => prune::vacuum(&args, places, out),
        Command::Verify(args) => verify::verify(&args, &capture, out),
        Command::Backup(args) => verify::backup(&args, &capture, out),
        Command::Repair(args) => verify::repair(&args, &capture, out),
        Command::Reread(args) => reread::reread(&args, places, config, out),
        Command::Egress(args) => egress::egress(&args, &capture, out),
        Command::Mcp(args) => mcp::mcp(&args, places, out),
        Command::Status(args) => status::status(&args, places, config, out),
        Command::Ca(args) => ca::ca(&args, places, config, out),
        Command::Demo(args) => demo::demo(&args, out),
        // It ends the process in its own way: see `main`.
        Command::Run(_) => Ok(ExitStatus::Error),
    }
}
