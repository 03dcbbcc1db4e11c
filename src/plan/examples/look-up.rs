//! How long a plan's check and look-ups in its host table take, in the code that PID 1 has.
//!
//! `look-up PLAN` prints a line each: what, and nanoseconds. `cargo xtask bench --only fleet` runs it.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use preroot_plan::{HostKey, Plan};

/// Rounds; the fastest counts, for what slows a round down is not ours.
const ROUNDS: usize = 15;

fn main() -> ExitCode {
    let path = std::env::args_os().nth(1).unwrap_or_default();
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => {
            eprintln!("look-up: {}: {error}", path.display());
            return ExitCode::from(1);
        }
    };
    let plan = match Plan::check(&bytes) {
        Ok(plan) => plan,
        Err(error) => {
            eprintln!("look-up: {}: {error}", path.display());
            return ExitCode::from(1);
        }
    };
    println!("hosts {}", plan.hosts().len());
    println!(
        "check {:.0}",
        fastest(1, || usize::from(Plan::check(black_box(&bytes)).is_ok()))
    );
    let mut macs: Vec<[u8; 6]> = plan.macs().iter().map(|entry| entry.mac).collect();
    let serial = HostKey::DmiSerial.number();
    let serials = plan.matches().iter().filter(|entry| entry.kind == serial);
    let mut serials: Vec<&str> = serials.map(|entry| plan.text(entry.key)).collect();
    shuffle(&mut macs);
    shuffle(&mut serials);
    let by_mac = |macs: &[[u8; 6]]| {
        let found = macs
            .iter()
            .filter(|mac| plan.host_by_mac(black_box(**mac)).is_some());
        found.count()
    };
    let by_serial = |serials: &[&str]| {
        let is_known = |serial: &&&str| {
            plan.host_by(HostKey::DmiSerial, black_box(serial))
                .is_some()
        };
        serials.iter().filter(is_known).count()
    };
    let other_macs: Vec<[u8; 6]> = macs.iter().map(|mac| mac.map(|byte| byte ^ 2)).collect();
    let other_macs: Vec<[u8; 6]> = other_macs
        .into_iter()
        .filter(|mac| plan.host_by_mac(*mac).is_none())
        .collect();
    let others: Vec<String> = serials.iter().map(|serial| format!("{serial}?")).collect();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    println!("mac-hit {:.1}", fastest(macs.len(), || by_mac(&macs)));
    println!(
        "mac-miss {:.1}",
        fastest(other_macs.len(), || by_mac(&other_macs))
    );
    println!(
        "serial-hit {:.1}",
        fastest(serials.len(), || by_serial(&serials))
    );
    println!(
        "serial-miss {:.1}",
        fastest(others.len(), || by_serial(&others))
    );
    ExitCode::SUCCESS
}

/// Nanoseconds of one of `count` things that `all` does.
fn fastest(count: usize, all: impl Fn() -> usize) -> f64 {
    let mut fastest_ns = f64::INFINITY;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        black_box(all());
        fastest_ns = fastest_ns.min(began.elapsed().as_secs_f64() * 1e9);
    }
    fastest_ns / count.max(1) as f64
}

/// Another order, the same each time: neighbours in the table are not asked for one after the other.
fn shuffle<T>(items: &mut [T]) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for at in (1..items.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let other = usize::try_from(state % (at as u64 + 1)).unwrap_or(0);
        items.swap(at, other);
    }
}
