//! `bootlog export`: records for other tools. JSON lines for jq and warehouses, a Chrome trace for Perfetto, OpenMetrics
//! for node_exporter's textfile collector.

mod openmetrics;
#[cfg(feature = "exports")]
mod parquet;
mod records;
mod trace;

use std::io;

use crate::json;
use crate::model::Boot;

pub use self::openmetrics::openmetrics;
#[cfg(feature = "exports")]
pub use self::parquet::Table;
pub use self::records::boots;
pub use self::trace::trace;

/// A boot as a line of JSON: what `show --json` gives.
///
/// # Errors
/// None that a caller could mend: the model has only keys that JSON has.
pub fn line(boot: &Boot) -> io::Result<Vec<u8>> {
    json::boot_line(boot)
}
