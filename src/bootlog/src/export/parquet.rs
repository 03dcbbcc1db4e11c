//! Boots as Parquet: one table, a row for each thing in each boot that took time, as `blame` has them.
//!
//! Texts are as they were recorded: who prints them makes them safe.

use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use crate::blame::{Entry, blame};
use crate::model::Boot;

/// Rows of one row group: what is held in memory beside the boots.
const ROWS_MAX: usize = 1 << 16;

const SCHEMA: &str = "message boots {
  optional binary boot_id (STRING);
  optional int64 started (TIMESTAMP(NANOS, true));
  optional binary config (STRING);
  optional binary image (STRING);
  optional binary plan (STRING);
  optional binary kernel (STRING);
  required binary verdict (STRING);
  required binary kind (STRING);
  required binary name (STRING);
  optional int64 at_ns;
  required int64 took_ns;
  optional int64 cpu_ns;
  optional int64 memory_kib;
  required binary fault (STRING);
}";

/// A row: an entry and its boot.
type Row<'b> = (&'b Boot, &'b Entry);

/// The table as a file.
///
/// # Errors
/// None that a caller could mend: it is written to memory, by a schema that does not change.
pub fn parquet(boots: &[Boot]) -> Result<Vec<u8>, ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let settings = WriterProperties::builder().set_compression(Compression::UNCOMPRESSED);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(settings.build()))?;
    let entries: Vec<Vec<Entry>> = boots.iter().map(blame).collect();
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (boot, entries) in boots.iter().zip(&entries) {
        rows.extend(entries.iter().map(|entry| (boot, entry)));
    }
    for rows in rows.chunks(ROWS_MAX) {
        let mut group = writer.next_row_group()?;
        columns(&mut group, rows)?;
        group.close()?;
    }
    writer.into_inner()
}

/// The columns, in the order of the schema.
fn columns(group: &mut Group<'_>, rows: &[Row<'_>]) -> Result<(), ParquetError> {
    let identity = |(boot, _): &Row<'_>| boot.identity.clone();
    texts(group, rows, |row| Some(identity(row)?.boot_id))?;
    numbers(group, rows, Column::Optional, |row| {
        Some(identity(row)?.started_unix_ns)
    })?;
    texts(group, rows, |row| Some(identity(row)?.config))?;
    texts(group, rows, |row| Some(identity(row)?.image))?;
    texts(group, rows, |row| Some(identity(row)?.plan))?;
    texts(group, rows, |row| Some(identity(row)?.kernel))?;
    required(group, rows, |(boot, _)| &boot.verdict.word)?;
    required(group, rows, |(_, entry)| entry.kind.word())?;
    required(group, rows, |(_, entry)| &entry.name)?;
    numbers(group, rows, Column::Optional, |(_, entry)| entry.at_ns)?;
    numbers(group, rows, Column::Required, |(_, entry)| {
        Some(entry.took_ns)
    })?;
    numbers(group, rows, Column::Optional, |(_, entry)| entry.cpu_ns)?;
    numbers(group, rows, Column::Optional, |(_, entry)| {
        entry.memory_kib.map(u64::from)
    })?;
    required(group, rows, |(_, entry)| &entry.fault)
}

type Group<'w> = SerializedRowGroupWriter<'w, Vec<u8>>;

/// Whether a column may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Optional,
    Required,
}

fn texts<'b>(
    group: &mut Group<'_>,
    rows: &[Row<'b>],
    value: impl Fn(&Row<'b>) -> Option<String>,
) -> Result<(), ParquetError> {
    let values: Vec<Option<ByteArray>> = rows
        .iter()
        .map(|row| value(row).map(|text| ByteArray::from(text.into_bytes())))
        .collect();
    write::<ByteArrayType>(group, Column::Optional, values)
}

fn required<'b>(
    group: &mut Group<'_>,
    rows: &[Row<'b>],
    value: impl Fn(&Row<'b>) -> &'b str,
) -> Result<(), ParquetError> {
    let values = rows.iter().map(|row| Some(ByteArray::from(value(row))));
    write::<ByteArrayType>(group, Column::Required, values.collect())
}

fn numbers<'b>(
    group: &mut Group<'_>,
    rows: &[Row<'b>],
    column: Column,
    value: impl Fn(&Row<'b>) -> Option<u64>,
) -> Result<(), ParquetError> {
    // More than 292 years is no time of a boot.
    let signed = |number| i64::try_from(number).unwrap_or(i64::MAX);
    let values = rows.iter().map(|row| value(row).map(signed)).collect();
    write::<Int64Type>(group, column, values)
}

/// The next column: its values, and for each row whether it has one.
fn write<T: DataType>(
    group: &mut Group<'_>,
    column: Column,
    values: Vec<Option<T::T>>,
) -> Result<(), ParquetError> {
    let levels: Vec<i16> = values
        .iter()
        .map(|value| i16::from(value.is_some()))
        .collect();
    let values: Vec<T::T> = values.into_iter().flatten().collect();
    let levels = (column == Column::Optional).then_some(&*levels);
    let Some(mut writer) = group.next_column()? else {
        return Err(ParquetError::General("a column too many".to_owned()));
    };
    writer.typed::<T>().write_batch(&values, levels, None)?;
    writer.close()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::{blame, parquet};
    use crate::input::Record;
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::{Field, Row};

    /// What is read back is what `blame` says of each boot of the corpus.
    #[test]
    fn a_row_for_each_entry() {
        let place = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/records");
        for entry in std::fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|kind| kind != "record") {
                continue;
            }
            let boots = Record::read(Some(&path), crate::input::Usual::Kept).unwrap();
            let boots = boots.boots().unwrap();
            let file = bytes::Bytes::from(parquet(&boots).unwrap());
            let reader = SerializedFileReader::new(file).unwrap();
            let text = |field: &Field| match field {
                Field::Str(text) => text.clone(),
                other => other.to_string(),
            };
            let row = |row: Row| {
                let values: Vec<String> = row
                    .get_column_iter()
                    .map(|(_, field)| text(field))
                    .collect();
                [&values[7], &values[8], &values[10]].map(String::clone)
            };
            let rows = reader.get_row_iter(None).unwrap();
            let rows: Vec<[String; 3]> = rows.map(|found| row(found.unwrap())).collect();
            let entries = boots.iter().flat_map(blame);
            let expected: Vec<[String; 3]> = entries
                .map(|entry| {
                    let took = entry.took_ns.to_string();
                    [entry.kind.word().to_owned(), entry.name, took]
                })
                .collect();
            assert_eq!(rows, expected, "{}", path.display());
        }
    }
}
