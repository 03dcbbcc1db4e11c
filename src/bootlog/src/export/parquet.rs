//! Boots as Parquet: one table, a row for each thing in each boot that took time, as `blame` has them.
//!
//! Texts are as they were recorded: who prints them makes them safe.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use crate::blame::{Entry, blame};
use crate::model::{Boot, Identity};

/// Rows of one row group: what is held in memory of the boots.
const ROWS_MAX: usize = 1 << 16;

const SCHEMA: &str = "message boots {
  required binary file (STRING);
  optional binary host (STRING);
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

/// What is known of a boot in each of its rows.
#[derive(Debug)]
struct Whole {
    file: String,
    host: Option<String>,
    identity: Option<Identity>,
    verdict: String,
}

/// A row: an entry and its boot.
type Row = (Arc<Whole>, Entry);

/// The table, written as boots are added to it.
pub struct Table<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    rows: Vec<Row>,
}

impl<W: Write + Send> Table<W> {
    /// An empty table, written to `out`.
    ///
    /// # Errors
    /// Those of writing.
    pub fn new(out: W) -> io::Result<Table<W>> {
        let schema = Arc::new(parse_message_type(SCHEMA).map_err(error)?);
        let settings = WriterProperties::builder().set_compression(Compression::UNCOMPRESSED);
        let writer = SerializedFileWriter::new(out, schema, Arc::new(settings.build()));
        Ok(Table {
            writer: writer.map_err(error)?,
            rows: Vec::new(),
        })
    }

    /// Adds the rows of a boot, and the file that its record is in.
    ///
    /// # Errors
    /// Those of writing.
    pub fn add(&mut self, file: &str, boot: &Boot) -> io::Result<()> {
        let whole = Arc::new(Whole {
            file: file.to_owned(),
            host: boot.host().map(str::to_owned),
            identity: boot.identity.clone(),
            verdict: boot.verdict.word.clone(),
        });
        for entry in blame(boot) {
            self.rows.push((Arc::clone(&whole), entry));
            if self.rows.len() == ROWS_MAX {
                self.group()?;
            }
        }
        Ok(())
    }

    /// Ends the table.
    ///
    /// # Errors
    /// Those of writing.
    pub fn end(mut self) -> io::Result<W> {
        self.group()?;
        self.writer.into_inner().map_err(error)
    }

    /// Writes the rows that are held.
    fn group(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return Ok(());
        }
        let mut group = self.writer.next_row_group().map_err(error)?;
        columns(&mut group, &rows).map_err(error)?;
        group.close().map(drop).map_err(error)
    }
}

/// What went wrong with the output, as the output said it.
fn error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(inner) => *inner,
            Err(inner) => io::Error::other(inner),
        },
        other => io::Error::other(other),
    }
}

/// The columns, in the order of the schema.
fn columns<W: Write + Send>(group: &mut Group<'_, W>, rows: &[Row]) -> Result<(), ParquetError> {
    required(group, rows, |(boot, _)| &boot.file)?;
    texts(group, rows, |boot| boot.host.as_ref())?;
    let of_identity = |group: &mut Group<'_, W>, text: fn(&Identity) -> &String| {
        texts(group, rows, |boot| boot.identity.as_ref().map(text))
    };
    of_identity(group, |identity| &identity.boot_id)?;
    numbers(group, rows, Column::Optional, |(boot, _)| {
        Some(boot.identity.as_ref()?.started_unix_ns)
    })?;
    of_identity(group, |identity| &identity.config)?;
    of_identity(group, |identity| &identity.image)?;
    of_identity(group, |identity| &identity.plan)?;
    of_identity(group, |identity| &identity.kernel)?;
    required(group, rows, |(boot, _)| &boot.verdict)?;
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

type Group<'w, W> = SerializedRowGroupWriter<'w, W>;

/// Whether a column may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Optional,
    Required,
}

fn texts<W: Write + Send>(
    group: &mut Group<'_, W>,
    rows: &[Row],
    value: impl Fn(&Whole) -> Option<&String>,
) -> Result<(), ParquetError> {
    let values = rows
        .iter()
        .map(|(boot, _)| Some(ByteArray::from(value(boot)?.as_str())));
    write::<ByteArrayType, W>(group, Column::Optional, values.collect())
}

fn required<W: Write + Send>(
    group: &mut Group<'_, W>,
    rows: &[Row],
    value: impl Fn(&Row) -> &str,
) -> Result<(), ParquetError> {
    let values = rows.iter().map(|row| Some(ByteArray::from(value(row))));
    write::<ByteArrayType, W>(group, Column::Required, values.collect())
}

fn numbers<W: Write + Send>(
    group: &mut Group<'_, W>,
    rows: &[Row],
    column: Column,
    value: impl Fn(&Row) -> Option<u64>,
) -> Result<(), ParquetError> {
    // More than 292 years is no time of a boot.
    let signed = |number| i64::try_from(number).unwrap_or(i64::MAX);
    let values = rows.iter().map(|row| value(row).map(signed)).collect();
    write::<Int64Type, W>(group, column, values)
}

/// The next column: its values, and for each row whether it has one.
fn write<T: DataType, W: Write + Send>(
    group: &mut Group<'_, W>,
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

    use super::{Table, blame};
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
            let mut table = Table::new(Vec::new()).unwrap();
            for boot in &boots {
                table.add("a file", boot).unwrap();
            }
            let file = bytes::Bytes::from(table.end().unwrap());
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
                [&values[9], &values[10], &values[12]].map(String::clone)
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
