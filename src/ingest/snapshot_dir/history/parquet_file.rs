//! A history as Parquet: a file as the CSV table that its rows make, and rows as a file. The only user of the parquet
//! crate, which is built without arrow: rows of five columns need none of it. Compressions: none and Snappy.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, TimeUnit};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::record::Field;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnDescPtr;

use crate::ingest::codes;
use crate::ingest::fault::Fault;
use crate::ingest::render::HistoryRow;
use crate::ingest::snapshot_dir::files::SourceFile;

/// The columns of `history.csv`. Most readers know no times of whole seconds.
const SCHEMA: &str = "message history { required int64 timestamp (TIMESTAMP(MILLIS,true)); optional int32 broker_id; \
                      optional binary topic (STRING); required binary metric (STRING); required double value; }";

/// Rows that are compressed together: some megabytes, which readers hold at once.
const ROWS_PER_GROUP: usize = 1 << 20;

/// Reads `name` below `dir`; values keep their text, times become RFC 3339.
pub(super) fn as_csv(dir: &Path, name: &str) -> Result<SourceFile, Box<Fault>> {
    let refuse = |error: &dyn std::fmt::Display| {
        let message = format!("the file cannot be read as Parquet: {error}");
        let help = "write it uncompressed or with Snappy, or give history.csv instead";
        Box::new(Fault::error(codes::UNREADABLE, Path::new(name), message).help(help))
    };
    let file = File::open(dir.join(name)).map_err(|error| refuse(&error))?;
    let reader = SerializedFileReader::new(file).map_err(|error| refuse(&error))?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let names: Vec<String> = schema.root_schema().get_fields().iter().map(|field| field.name().to_owned()).collect();
    let is_nanos: Vec<bool> = schema.columns().iter().map(counts_nanoseconds).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = writer.write_record(&names);
    written.map_err(|error| refuse(&error))?;
    for row in reader.get_row_iter(None).map_err(|error| refuse(&error))? {
        let row = row.map_err(|error| refuse(&error))?;
        let written =
            writer.write_record(row.get_column_iter().zip(&is_nanos).map(|((_, field), nanos)| match field {
                Field::Long(since_1970) if *nanos => instant(jiff::Timestamp::from_nanosecond(i128::from(*since_1970))),
                field => text(field),
            }));
        written.map_err(|error| refuse(&error))?;
    }
    let text = writer.into_inner().map_err(|error| refuse(&error))?;
    Ok(SourceFile::of_text(name, text))
}

/// Whether the column holds times in nanoseconds, which the crate's rows show as plain numbers.
fn counts_nanoseconds(column: &ColumnDescPtr) -> bool {
    matches!(column.logical_type_ref(), Some(LogicalType::Timestamp(time)) if time.unit == TimeUnit::NANOS)
}

fn instant(time: Result<jiff::Timestamp, jiff::Error>) -> String {
    time.map_or_else(|_| String::new(), |time| time.to_string())
}

/// A value as a CSV file would have it; empty for nulls.
fn text(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        Field::Bytes(bytes) => String::from_utf8_lossy(bytes.data()).into_owned(),
        Field::TimestampMillis(millis) => instant(jiff::Timestamp::from_millisecond(*millis)),
        Field::TimestampMicros(micros) => instant(jiff::Timestamp::from_microsecond(*micros)),
        // A column of ids with gaps is written as floats by common tools; a gap is then no number.
        Field::Double(value) if value.is_nan() => String::new(),
        Field::Double(value) => value.to_string(),
        Field::Float(value) => value.to_string(),
        Field::Byte(value) => value.to_string(),
        Field::Short(value) => value.to_string(),
        Field::Int(value) => value.to_string(),
        Field::Long(value) => value.to_string(),
        Field::UByte(value) => value.to_string(),
        Field::UShort(value) => value.to_string(),
        Field::UInt(value) => value.to_string(),
        Field::ULong(value) => value.to_string(),
        other => other.to_string(),
    }
}

/// The file that holds `rows`, in their order, compressed with Snappy; the same bytes for the same rows.
///
/// # Errors
/// What the crate refuses, in words.
pub(in crate::ingest) fn bytes(rows: &[HistoryRow<'_>]) -> Result<Vec<u8>, String> {
    written(rows).map_err(|error| format!("history.parquet cannot be written: {error}"))
}

fn written(rows: &[HistoryRow<'_>]) -> Result<Vec<u8>, ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    for rows in rows.chunks(ROWS_PER_GROUP) {
        let mut group = writer.next_row_group()?;
        write_group(rows, &mut group)?;
        group.close()?;
    }
    writer.into_inner()
}

fn write_group<W: Write + Send>(
    rows: &[HistoryRow<'_>],
    group: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<(), ParquetError> {
    let present = |is_there: bool| i16::from(is_there);
    let mut place = 0;
    while let Some(mut column) = group.next_column()? {
        match (column.untyped(), place) {
            (ColumnWriter::Int64ColumnWriter(times), _) => {
                let millis: Vec<i64> = rows.iter().map(|(time, _, _)| time.saturating_mul(1_000)).collect();
                times.write_batch(&millis, None, None)?;
            }
            (ColumnWriter::Int32ColumnWriter(brokers), _) => {
                let ids: Vec<i32> = rows.iter().filter_map(|(_, _, series)| series.subject.broker_id).collect();
                let levels: Vec<i16> =
                    rows.iter().map(|(_, _, series)| present(series.subject.broker_id.is_some())).collect();
                brokers.write_batch(&ids, Some(&levels), None)?;
            }
            (ColumnWriter::ByteArrayColumnWriter(topics), 2) => {
                let named = rows.iter().filter_map(|(_, _, series)| series.subject.topic.as_deref());
                let names: Vec<ByteArray> = named.map(ByteArray::from).collect();
                let levels: Vec<i16> =
                    rows.iter().map(|(_, _, series)| present(series.subject.topic.is_some())).collect();
                topics.write_batch(&names, Some(&levels), None)?;
            }
            (ColumnWriter::ByteArrayColumnWriter(metrics), _) => {
                let names: Vec<ByteArray> =
                    rows.iter().map(|(_, _, series)| ByteArray::from(series.metric.name())).collect();
                metrics.write_batch(&names, None, None)?;
            }
            (ColumnWriter::DoubleColumnWriter(values), _) => {
                let figures: Vec<f64> = rows.iter().map(|(_, value, _)| *value).collect();
                values.write_batch(&figures, None, None)?;
            }
            _ => return Err(ParquetError::General("the schema has a column that no row fills".to_owned())),
        }
        column.close()?;
        place += 1;
    }
    Ok(())
}
