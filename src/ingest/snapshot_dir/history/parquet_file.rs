//! A Parquet file as the CSV table that its rows make. The only user of the parquet crate, which is built without
//! arrow: rows of five columns need none of it. Compressions: none, Snappy and Zstandard, which writers default to.

use std::fs::File;
use std::path::Path;

use parquet::basic::{LogicalType, TimeUnit};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::ColumnDescPtr;

use crate::ingest::codes;
use crate::ingest::fault::Fault;
use crate::ingest::snapshot_dir::files::SourceFile;

/// Reads `name` below `dir`; values keep their text, times become RFC 3339.
pub(super) fn as_csv(dir: &Path, name: &str) -> Result<SourceFile, Box<Fault>> {
    let refuse = |error: &dyn std::fmt::Display| {
        let message = format!("the file cannot be read as Parquet: {error}");
        let help = "write it uncompressed or with Snappy or Zstandard, or give history.csv instead";
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
