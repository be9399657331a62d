//! The command line: flags, settings, one file a command; the only wiring.

mod authority;
mod ca;
mod demo;
mod export;
mod filters;
mod grep;
mod ls;
mod places;
mod printer;
mod run;
mod running;
mod say;
mod serve;
mod session;
mod settings;
mod show;
mod tail;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use places::Places;
use printer::{ExitStatus, Printer};
use settings::ConfigFile;

/// See what closed tools say to LLM providers
///
/// Overhear is a proxy that passes every byte on unchanged and records the prompts and answers
/// in it. Without a command it serves: the proxy on 127.0.0.1:8484 and the base URL on
/// 127.0.0.1:4141.
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
    Show(show::ShowArgs),
    Tail(tail::TailArgs),
    Export(export::ExportArgs),
    Ca(ca::CaArgs),
    Demo(demo::DemoArgs),
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
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
        Command::Show(args) => show::show(&args, &capture, out),
        Command::Tail(args) => tail::tail(&args, places, out),
        Command::Export(args) => export::export(&args, &capture, out),
        Command::Ca(args) => ca::ca(&args, places, config, out),
        Command::Demo(args) => demo::demo(&args, out),
        // It ends the process in its own way: see `main`.
        Command::Run(_) => Ok(ExitStatus::Error),
    }
}
