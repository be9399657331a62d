//! A table of typed columns (<https://parquet.apache.org/docs/file-format/>): the narrow fields,
//! and request and reply as JSON.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use ::parquet::basic::{
    Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel,
};
use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use ::parquet::schema::types::{ColumnPath, Type};

use super::ExportError;
use super::columns::{Cell, Column, Kind, NARROW, WIDE};
use crate::model::Exchange;

/// Bytes of text in a group of rows: they are held until the group is full. Each group costs the
/// end of the file some kilobytes, which are held as well.
const GROUP_BYTES_MAX: usize = 32 << 20;
/// Rows of a group, where texts are short.
const GROUP_ROWS_MAX: usize = 16 << 10;

/// A table that is being written.
pub(super) struct Table {
    file: SerializedFileWriter<Spill>,
    spill: Spill,
    columns: Vec<&'static Column>,
    /// A list of cells for each column.
    group: Vec<Vec<Cell>>,
    bytes: usize,
}

impl Table {
    pub(super) fn new() -> Result<Self, ExportError> {
        let columns: Vec<&Column> = NARROW.iter().chain(&WIDE).collect();
        let fields = columns.iter().map(|column| Ok(Arc::new(field(column)?)));
        let fields = fields.collect::<Result<_, ParquetError>>().map_err(fault)?;
        let schema = Type::group_type_builder("exchange").with_fields(fields).build();
        let schema = Arc::new(schema.map_err(fault)?);
        let spill = Spill::default();
        let file = SerializedFileWriter::new(spill.clone(), schema, Arc::new(properties()));
        let group = columns.iter().map(|_| Vec::new()).collect();
        Ok(Self { file: file.map_err(fault)?, spill, columns, group, bytes: 0 })
    }

    /// Takes an exchange; writes where a group is full.
    pub(super) fn row(
        &mut self,
        exchange: &Exchange,
        out: &mut impl Write,
    ) -> Result<(), ExportError> {
        let mut bytes = 0;
        for (column, cells) in self.columns.iter().zip(&mut self.group) {
            let cell = (column.cell)(exchange);
            bytes += size_of::<Cell>();
            if let Cell::Text(text) = &cell {
                bytes += text.len();
            }
            cells.push(cell);
        }
        self.bytes += bytes;
        let rows = self.group.first().map_or(0, Vec::len);
        if self.bytes >= GROUP_BYTES_MAX || rows >= GROUP_ROWS_MAX {
            self.write_group(out)?;
        }
        Ok(())
    }

    pub(super) fn end(mut self, out: &mut impl Write) -> Result<(), ExportError> {
        self.write_group(out)?;
        self.file.finish().map_err(fault)?;
        Ok(self.spill.drain(out)?)
    }

    fn write_group(&mut self, out: &mut impl Write) -> Result<(), ExportError> {
        if self.group.iter().all(Vec::is_empty) {
            return Ok(());
        }
        let mut group = self.file.next_row_group().map_err(fault)?;
        for (column, cells) in self.columns.iter().zip(&mut self.group) {
            let Some(mut writer) = group.next_column().map_err(fault)? else { break };
            write_column(&mut writer, column.kind, std::mem::take(cells)).map_err(fault)?;
            writer.close().map_err(fault)?;
            self.spill.drain(out)?;
        }
        group.close().map_err(fault)?;
        self.bytes = 0;
        Ok(self.spill.drain(out)?)
    }
}

fn field(column: &Column) -> Result<Type, ParquetError> {
    let (physical, logical) = match column.kind {
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Whole => (Physical::INT64, None),
        Kind::Real => (Physical::DOUBLE, None),
        Kind::Bool => (Physical::BOOLEAN, None),
        Kind::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::NANOS))),
    };
    Type::primitive_type_builder(column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()
}

fn properties() -> WriterProperties {
    // An index of pages for each column of each group would be held until the end.
    let common = WriterProperties::builder()
        .set_created_by(concat!("overhear ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true);
    // Of texts that are never the same, neither a dictionary nor the least one is of any use.
    let wide = WIDE.iter().map(|column| ColumnPath::from(column.name));
    wide.fold(common, |all, path| {
        all.set_column_dictionary_enabled(path.clone(), false)
            .set_column_statistics_enabled(path, EnabledStatistics::None)
    })
    .build()
}

fn write_column(
    writer: &mut SerializedColumnWriter<'_>,
    kind: Kind,
    cells: Vec<Cell>,
) -> Result<(), ParquetError> {
    match kind {
        Kind::Text => write_cells::<ByteArrayType>(writer, cells, |cell| match cell {
            Cell::Text(text) => Some(ByteArray::from(text.into_bytes())),
            _ => None,
        }),
        Kind::Whole => write_cells::<Int64Type>(writer, cells, |cell| match cell {
            Cell::Whole(number) => Some(number),
            _ => None,
        }),
        Kind::Real => write_cells::<DoubleType>(writer, cells, |cell| match cell {
            Cell::Real(number) => Some(number),
            _ => None,
        }),
        Kind::Bool => write_cells::<BoolType>(writer, cells, |cell| match cell {
            Cell::Bool(is) => Some(is),
            _ => None,
        }),
        Kind::Time => write_cells::<Int64Type>(writer, cells, |cell| match cell {
            Cell::Time(at) => i64::try_from(at.as_nanosecond()).ok(),
            _ => None,
        }),
    }
}

fn write_cells<T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    cells: Vec<Cell>,
    value: fn(Cell) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let cells: Vec<Option<T::T>> = cells.into_iter().map(value).collect();
    let is_there: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let values: Vec<T::T> = cells.into_iter().flatten().collect();
    writer.typed::<T>().write_batch(&values, Some(&is_there), None)?;
    Ok(())
}

/// All is written to memory, and a fault is one of ours.
fn fault(error: ParquetError) -> ExportError {
    ExportError::Write(io::Error::other(error))
}

/// Where the crate's writer writes, which wants to own it and to send it between threads: what
/// stands in it goes on to the file after each column.
#[derive(Clone, Default)]
struct Spill(Arc<Mutex<Vec<u8>>>);

impl Spill {
    fn drain(&self, out: &mut impl Write) -> io::Result<()> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        out.write_all(&bytes)
    }
}

impl Write for Spill {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::RowAccessor;

    use super::*;
    use crate::model::Exchange;
    use crate::store::tests::sample::turn;

    fn table(exchanges: &[Exchange]) -> SerializedFileReader<bytes::Bytes> {
        let (mut table, mut out) = (Table::new().unwrap(), Vec::new());
        exchanges.iter().for_each(|exchange| table.row(exchange, &mut out).unwrap());
        table.end(&mut out).unwrap();
        SerializedFileReader::new(bytes::Bytes::from(out)).unwrap()
    }

    #[test]
    fn a_table_is_read_back() {
        let read = table(&[turn(0), turn(1)]);
        let names: Vec<_> = NARROW.iter().chain(&WIDE).map(|column| column.name).collect();
        let at = |name: &str| names.iter().position(|had| *had == name).unwrap();
        let rows: Vec<_> = read.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1].get_string(at("id")).unwrap(), &turn(1).id.to_string());
        assert_eq!(rows[0].get_long(at("usage_input")).unwrap(), 10);
        assert!(rows[0].get_double(at("first_token_ms")).is_err(), "null");
        let request: crate::model::Request =
            serde_json::from_str(rows[1].get_string(at("request")).unwrap()).unwrap();
        assert_eq!(request, turn(1).request);
    }

    #[test]
    fn a_group_has_a_limit_in_bytes() {
        let mut long = turn(0);
        long.request.system = Some("x".repeat(GROUP_BYTES_MAX / 2 + 1));
        let read = table(&[long.clone(), long.clone(), long]);
        let rows: Vec<_> =
            read.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(rows, [2, 1]);
        assert_eq!(table(&[]).metadata().num_row_groups(), 0);
    }
}
