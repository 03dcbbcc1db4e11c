//! A boot as a Chrome trace ("Trace Event Format", JSON object form), which Perfetto and chrome://tracing open.
//!
//! Each section of the chart is a process; bars that overlap are on threads of their own, for on one thread they would
//! have to nest. A wait for a script is a flow from its end to what it let start. Times are those of `plot`: waits for a
//! person are cut out.

use std::io;

use serde_json::{Value, json};

use crate::json::line;
use crate::plot::{Bar, Chart, Section};

/// The chart as a trace.
///
/// # Errors
/// None that a caller could mend: all of it is JSON.
pub fn trace(chart: &Chart) -> io::Result<Vec<u8>> {
    let mut events = Vec::new();
    for (process, section) in (1..).zip(&chart.sections) {
        let name = json!({"name": section.title});
        events.push(
            json!({"name": "process_name", "ph": "M", "pid": process, "tid": 0, "args": name}),
        );
        let order = json!({"sort_index": process});
        events.push(
            json!({"name": "process_sort_index", "ph": "M", "pid": process, "tid": 0, "args": order}),
        );
        self::section(&mut events, process, section);
    }
    for mark in &chart.marks {
        let name = "waited for a person, cut out";
        let waited = json!({"waited_us": microseconds(mark.took_ns)});
        let at = microseconds(mark.at_ns);
        events.push(
            json!({"name": name, "ph": "i", "s": "g", "pid": 1, "tid": 1, "ts": at, "args": waited}),
        );
    }
    let other = json!({
        "verdict": chart.verdict,
        "reason": chart.reason,
        "started": chart.started,
        "machine": chart.machine,
    });
    line(&json!({"displayTimeUnit": "ms", "otherData": other, "traceEvents": events}))
}

fn section(events: &mut Vec<Value>, process: u32, section: &Section) {
    let lanes = lanes(&section.bars);
    for (bar, lane) in section.bars.iter().zip(&lanes) {
        let at = microseconds(bar.at_ns);
        let took = microseconds(bar.end_ns.saturating_sub(bar.at_ns));
        let told = json!({
            "level": bar.level,
            "cpu_us": bar.cpu_ns.map(microseconds),
            "memory_kib": bar.memory_kib,
            "end": bar.tone,
            "fault": bar.fault,
            "on_critical_path": bar.on_path,
        });
        events.push(json!({
            "name": bar.name, "cat": "boot", "ph": "X", "pid": process, "tid": lane, "ts": at,
            "dur": took, "args": told,
        }));
    }
    for (place, (bar, lane)) in section.bars.iter().zip(&lanes).enumerate() {
        let awaited = bar
            .waits_for
            .and_then(|place| Some((section.bars.get(place)?, lanes.get(place)?)));
        if let Some((awaited, its_lane)) = awaited {
            let id = format!("{process}.{place}");
            let (end, at) = (microseconds(awaited.end_ns), microseconds(bar.at_ns));
            events.push(json!({
                "name": "waits", "cat": "wait", "ph": "s", "id": id, "pid": process, "tid": its_lane,
                "ts": end,
            }));
            events.push(json!({
                "name": "waits", "cat": "wait", "ph": "f", "bp": "e", "id": id, "pid": process,
                "tid": lane, "ts": at,
            }));
        }
    }
}

/// For each bar the first thread, from 1, on which nothing overlaps it.
fn lanes(bars: &[Bar]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..bars.len()).collect();
    order.sort_by_key(|&place| bars.get(place).map(|bar| bar.at_ns));
    let mut ends: Vec<u64> = Vec::new();
    let mut lanes = vec![0; bars.len()];
    for place in order {
        let Some(bar) = bars.get(place) else {
            continue;
        };
        let free = ends.iter().position(|&end| end <= bar.at_ns);
        let lane = free.unwrap_or(ends.len());
        match ends.get_mut(lane) {
            Some(end) => *end = bar.end_ns,
            None => ends.push(bar.end_ns),
        }
        if let Some(of_bar) = lanes.get_mut(place) {
            *of_bar = lane + 1;
        }
    }
    lanes
}

/// The unit of the format.
fn microseconds(ns: u64) -> f64 {
    ns as f64 / 1000.0
}
