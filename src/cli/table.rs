//! Rows under headings, as wide as the terminal: columns give way, the text at the end is cut.

use std::io;

use super::printer::{Ink, Printer, cut, width};

/// A column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// What stands above it.
    pub(super) heading: &'static str,
    /// Where its cells stand.
    pub(super) side: Side,
    /// In which order columns give way to a narrow terminal, the lowest first; `None` stays.
    pub(super) gives_way: Option<u8>,
}

/// Where a cell stands in its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A cell.
pub(super) type Cell = (Ink, String);

/// Columns between two cells.
const GAP: usize = 2;

/// Fewest columns that a cell which is cut keeps, however narrow the terminal.
const LONG_MIN: usize = 12;

/// Writes rows. A column that says nothing is left out; the first one is cut where nothing
/// else can give way.
pub(super) fn table(columns: &[Column], rows: Vec<Vec<Cell>>, out: &mut Printer) -> io::Result<()> {
    table_cut_at(0, columns, rows, out)
}

/// Writes rows as [`table`] does; column `cut_at` is the one that is cut.
pub(super) fn table_cut_at(
    cut_at: usize,
    columns: &[Column],
    rows: Vec<Vec<Cell>>,
    out: &mut Printer,
) -> io::Result<()> {
    let mut widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(n, column)| {
            let cells = rows.iter().filter_map(|row| row.get(n)).map(|(_, cell)| width(cell));
            let widest = cells.max().unwrap_or_default();
            if widest == 0 { 0 } else { widest.max(width(column.heading)) }
        })
        .collect();
    if let Some(terminal) = out.width() {
        fit(cut_at, columns, &mut widths, terminal);
    }
    let heading = columns.iter().map(|column| (Ink::Dim, column.heading.to_owned())).collect();
    for row in std::iter::once(heading).chain(rows) {
        let mut pieces: Vec<Cell> = Vec::new();
        for (((ink, cell), column), columns) in row.into_iter().zip(columns).zip(&widths) {
            if *columns == 0 {
                continue;
            }
            if !pieces.is_empty() {
                pieces.push((Ink::Plain, " ".repeat(GAP)));
            }
            pieces.push((ink, padded(&cut(&cell, *columns), column.side, *columns)));
        }
        if let Some((_, last)) = pieces.last_mut() {
            last.truncate(last.trim_end().len());
        }
        out.line(&pieces)?;
    }
    Ok(())
}

fn fit(cut_at: usize, columns: &[Column], widths: &mut [usize], terminal: usize) {
    let used = |widths: &[usize]| {
        let all: usize = widths.iter().filter(|width| **width > 0).map(|width| width + GAP).sum();
        all.saturating_sub(GAP)
    };
    let mut order: Vec<(u8, usize)> =
        columns.iter().enumerate().filter_map(|(n, column)| Some((column.gives_way?, n))).collect();
    order.sort_unstable();
    for (_, n) in order {
        let long = widths.get(cut_at).copied().unwrap_or_default();
        // The names are cut a little before a number is left out.
        let spare = long.saturating_sub(LONG_MIN * 2);
        if used(widths) <= terminal + spare {
            break;
        }
        if let Some(width) = widths.get_mut(n) {
            *width = 0;
        }
    }
    let over = used(widths).saturating_sub(terminal);
    if let Some(long) = widths.get_mut(cut_at) {
        *long = long.saturating_sub(over).max(LONG_MIN.min(*long));
    }
}

fn padded(cell: &str, side: Side, columns: usize) -> String {
    let space = " ".repeat(columns.saturating_sub(width(cell)));
    match side {
        Side::Left => format!("{cell}{space}"),
        Side::Right => format!("{space}{cell}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::printer::tests::Sheet;

    const COLUMNS: [Column; 3] = [
        Column { heading: "NAME", side: Side::Left, gives_way: None },
        Column { heading: "N", side: Side::Right, gives_way: Some(1) },
        Column { heading: "MORE", side: Side::Right, gives_way: Some(0) },
    ];

    fn shown(columns: Option<usize>, rows: &[[&str; 3]]) -> Vec<String> {
        let data = Sheet::default();
        let mut out = Printer::to(Box::new(data.clone()), Box::new(Sheet::default()), columns);
        let row = |row: &[&str; 3]| row.map(|cell| (Ink::Plain, cell.to_owned())).to_vec();
        table(&COLUMNS, rows.iter().map(row).collect(), &mut out).unwrap();
        out.flush().unwrap();
        data.take().lines().map(str::to_owned).collect()
    }

    #[test]
    fn columns_give_way_and_names_are_cut() {
        let rows = [["a name of some thirty characters", "1", "22"], ["b", "333", "4"]];
        assert_eq!(
            shown(None, &rows),
            [
                "NAME                                N  MORE",
                "a name of some thirty characters    1    22",
                "b                                 333     4",
            ]
        );
        for terminal in [20, 30, 40, 80] {
            let lines = shown(Some(terminal), &rows);
            assert!(lines.iter().all(|line| width(line) <= terminal), "{terminal}: {lines:#?}");
        }
        assert!(!shown(Some(20), &rows)[0].contains("MORE"), "the first to give way");
    }

    #[test]
    fn a_column_that_says_nothing_is_left_out() {
        assert_eq!(shown(None, &[["a", "", "2"]]), ["NAME  MORE", "a        2"]);
    }
}
