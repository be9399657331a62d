//! `overhear egress`: where each app went, what of it was read, and why not the rest.

use std::path::Path;

use anyhow::{Result, bail};
use clap::Args;
use jiff::Zoned;
use jiff::tz::TimeZone;

use super::amount::bytes;
use super::filters::{self, FilterArgs};
use super::printer::{ExitStatus, Ink, Printer, shown};
use super::stats::grouped;
use super::table::{Cell, Column, Side, table_cut_at};
use crate::dialect::providers::provider_of;
use crate::query::{self, Egress, EgressFilter};

/// List the hosts that each app spoke to, and why some of it was not read
///
/// Everything that went through the proxy, read or passed on. CONNS counts connections, SENT and
/// RECEIVED their bytes, RECORDED the requests in them. Of the filters, `--app`, `--host`,
/// `--provider`, `--since` and `--until` are of connections.
#[derive(Args, Clone, Debug)]
pub struct EgressArgs {
    /// One JSON object an app and host, with `ways` that say why and what to do
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    filters: FilterArgs,
}

/// Runs the command on the capture at `capture`.
pub fn egress(args: &EgressArgs, capture: &Path, out: &mut Printer) -> Result<ExitStatus> {
    let reader = filters::open(capture, out)?;
    let filter = args.filters.filter(&Zoned::now())?;
    let filter = match EgressFilter::try_from(&filter) {
        Ok(filter) => filter,
        Err(name) => bail!(
            "connections have no `{name}`\nhint: --app, --host, --provider, --since or --until"
        ),
    };
    let found = query::egress(&reader, &filter, provider_of)?;
    if found.is_empty() {
        return Ok(ExitStatus::NothingFound);
    }
    if args.json {
        for egress in &found {
            out.json(egress)?;
        }
        return Ok(ExitStatus::Found);
    }
    let zone = TimeZone::system();
    let rows = found.iter().map(|egress| line(egress, &zone)).collect();
    table_cut_at(COLUMNS.len() - 1, &COLUMNS, rows, out)?;
    Ok(ExitStatus::Found)
}

const fn column(heading: &'static str, side: Side, gives_way: Option<u8>) -> Column {
    Column { heading, side, gives_way }
}

const COLUMNS: [Column; 8] = [
    column("APP", Side::Left, None),
    column("HOST", Side::Left, None),
    column("CONNS", Side::Right, None),
    column("SENT", Side::Right, Some(2)),
    column("RECEIVED", Side::Right, Some(3)),
    column("RECORDED", Side::Right, Some(4)),
    column("LAST", Side::Left, Some(1)),
    column("NOT READ", Side::Left, None),
];

fn line(egress: &Egress, zone: &TimeZone) -> Vec<Cell> {
    let plain = |text: String| (Ink::Plain, text);
    let host = egress.origin.strip_prefix("https://").unwrap_or(&egress.origin);
    let recorded = if egress.exchanges > 0 { grouped(egress.exchanges) } else { String::new() };
    let last = egress.last.to_zoned(zone.clone()).strftime("%m-%d %H:%M").to_string();
    // That a model's host was not read is what people look for.
    let ink = if egress.provider.is_some() { Ink::Bad } else { Ink::Dim };
    vec![
        plain(shown(&egress.app).into_owned()),
        (Ink::Role, shown(host).into_owned()),
        plain(grouped(egress.flows)),
        plain(bytes(egress.bytes_up)),
        plain(bytes(egress.bytes_down)),
        plain(recorded),
        plain(last),
        (ink, shown(&why(egress)).into_owned()),
    ]
}

/// Why connections were not read; how many, where others were.
fn why(egress: &Egress) -> String {
    let unread = egress.ways.iter().filter_map(|way| {
        let words = way.reason.map_or(way.words.as_deref(), |reason| Some(short(reason)))?;
        Some(match egress.ways.len() {
            1 => words.to_owned(),
            _ => format!("{}× {words}", grouped(way.flows)),
        })
    });
    unread.collect::<Vec<_>>().join("; ")
}

/// A reason as a line has room for it; `--json` has it whole.
fn short(reason: &'static str) -> &'static str {
    match reason {
        "not_listed" => "no LLM host",
        "excluded" => "by `--tunnel`",
        "distrusted" => "certificate refused",
        "client_certificate" => "wants a client certificate",
        "upstream_tls" => "TLS with it failed",
        "server_first" => "speaks first",
        "not_http" => "no TLS, no HTTP",
        "client_hello" => "odd ClientHello",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::printer::tests::Sheet;
    use crate::store::Entry;
    use crate::store::tests::sample::{Capture, passed};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: EgressArgs,
    }

    fn run(capture: &Capture, words: &[&str]) -> (String, ExitStatus) {
        let line = Line::parse_from([&["egress"], words].concat());
        let data = Sheet::default();
        let mut out = Printer::to(Box::new(data.clone()), Box::new(Sheet::default()), Some(120));
        let result = egress(&line.args, &capture.path(), &mut out);
        let status = out.settle(result);
        (data.take(), status)
    }

    #[test]
    fn a_line_says_why_a_host_was_not_read() {
        let mut capture = Capture::new();
        assert_eq!(run(&capture, &[]).1, ExitStatus::NothingFound);
        let flows = [
            passed(1, "node", "api.openai.com", None),
            passed(2, "node", "api.openai.com", Some("alert")),
        ];
        let entries: Vec<_> = flows.map(|row| Entry::Flow(Box::new(row))).into();
        capture.store.write(&entries).unwrap();
        let (shown, status) = run(&capture, &[]);
        assert_eq!((shown.lines().count(), status), (2, ExitStatus::Found));
        assert!(shown.contains("1× certificate refused"), "{shown}");
        let (json, _) = run(&capture, &["--json", "--host", "openai.com"]);
        assert!(json.contains(r#""reason":"distrusted""#), "{json}");
        assert_eq!(run(&capture, &["--app", "curl"]).1, ExitStatus::NothingFound);
        assert_eq!(run(&capture, &["--model", "x"]).1, ExitStatus::Error);
    }
}
