//! `bootlog export`: records for other tools. JSON lines for jq and warehouses, a Chrome trace for Perfetto, OpenMetrics
//! for node_exporter's textfile collector.

mod openmetrics;
#[cfg(feature = "exports")]
mod parquet;
mod trace;

use std::io;

use crate::json;
use crate::model::Boot;

pub use self::openmetrics::openmetrics;
#[cfg(feature = "exports")]
pub use self::parquet::parquet;
pub use self::trace::trace;

/// Boots as JSON lines: each what `show --json` gives, on one line.
///
/// # Errors
/// None that a caller could mend: the model has only keys that JSON has.
pub fn lines(boots: &[Boot]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    for boot in boots {
        out.extend(json::boot_line(boot)?);
    }
    Ok(out)
}
