//! What a fleet's warehouse makes of records: bootlog's Parquet table, queried by DuckDB. No machine boots here; it needs the
//! programs that set-up fetches.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use preroot_qemu_tests::{Artefacts, Error, files};
use serde_json::Value;

/// Every record that bootlog's own tests keep, and what else lies beside them.
const RECORDS: &str = "../src/bootlog/tests/records";

fn records() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDS)
}

/// What bootlog exports of all records.
fn export(artefacts: &Artefacts, format: &str) -> Result<Vec<u8>, Error> {
    let mut bootlog = Command::new(&artefacts.bootlog);
    files::run(bootlog.args(["export", format]).arg(records()))
}

/// The rows that DuckDB answers with.
fn query(artefacts: &Artefacts, table: &Path, query: &str) -> Result<Vec<Value>, Error> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/query.py");
    let mut python = Command::new(artefacts.clients.join("python"));
    let said = files::run(python.arg(script).arg(table).arg(query))?;
    let rows = said.split(|&byte| byte == b'\n');
    let rows = rows.filter(|row| !row.is_empty());
    rows.map(|row| serde_json::from_slice(row).map_err(unexpected))
        .collect()
}

fn unexpected(error: serde_json::Error) -> Error {
    Error::unexpected(error.to_string())
}

/// The boots, as the other export has them.
fn boots(artefacts: &Artefacts) -> Result<Vec<Value>, Error> {
    let lines = export(artefacts, "jsonl")?;
    let lines = lines.split(|&byte| byte == b'\n');
    let boots = lines.filter(|line| !line.is_empty()).map(|line| {
        let line: Value = serde_json::from_slice(line).map_err(unexpected)?;
        Ok(line["boot"].clone())
    });
    boots.collect()
}

/// How often each script ran, how long at most, and how long half of its runs at most: as DuckDB says, and as is counted
/// here. Times and texts that are null are so there.
#[test]
fn duckdb_queries_the_boots_of_a_fleet() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let scratch = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
    let table = scratch.path().join("boots.parquet");
    files::write(&table, export(&artefacts, "parquet")?)?;
    let boots = boots(&artefacts)?;
    assert!(boots.len() > 15, "{}", boots.len());

    let mut runs: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for script in boots.iter().flat_map(|boot| boot["scripts"].as_array()) {
        for script in script {
            let name = script["name"].as_str().unwrap_or_default();
            let name = match script["argument"].as_str() {
                Some("start" | "") | None => name.to_owned(),
                Some(argument) => format!("{name} {argument}"),
            };
            let took = script["took_ns"].as_u64();
            runs.entry(name).or_default().extend(took);
        }
    }
    runs.retain(|_, times| !times.is_empty());
    let expected = runs.iter_mut().map(|(name, times)| {
        times.sort_unstable();
        let half = times.len().div_ceil(2) - 1;
        serde_json::json!([name, times.len(), times.last(), times.get(half)])
    });
    let by_script = "select name, count(*), max(took_ns), quantile_disc(took_ns, 0.5) from boots
        where kind = 'script' group by name order by name";
    let found = query(&artefacts, &table, by_script)?;
    assert_eq!(found, expected.collect::<Vec<_>>());

    // Dates are dates to it, and what was not recorded is null.
    let dates = "select distinct epoch_ns(started), config from boots where started is not null";
    let identity = |boot: &Value| {
        let identity = boot["identity"].as_object()?;
        Some((
            identity["started_unix_ns"].to_string(),
            identity["config"].to_string(),
        ))
    };
    let expected: BTreeSet<_> = boots.iter().filter_map(identity).collect();
    let found = query(&artefacts, &table, dates)?;
    let found: BTreeSet<_> = found
        .iter()
        .map(|row| (row[0].to_string(), row[1].to_string()))
        .collect();
    assert_eq!(found, expected);
    let hosts = "select distinct host from boots where host is not null order by host";
    let found = query(&artefacts, &table, hosts)?;
    assert!(!found.is_empty(), "no record names its host");
    Ok(())
}
