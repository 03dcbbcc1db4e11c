//! A test for each fault in some directories of `scenarios/`, so that adding one needs no Rust.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

/// Directories whose files are each a test, and what runs them.
const TESTS: [(&str, &str); 2] = [("damage", "run_fault"), ("power", "run_power")];

fn main() {
    for (directory, run) in TESTS {
        let mut tests = String::new();
        let path = Path::new("scenarios").join(directory);
        println!("cargo::rerun-if-changed={}", path.display());
        let listing = fs::read_dir(&path).expect("scenarios are beside build.rs");
        let mut names: Vec<String> = listing
            .map(|entry| entry.expect("a directory can be read to its end").path())
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .collect();
        names.sort();
        for name in names {
            let function = name.replace('-', "_");
            let scenario = format!("{directory}/{name}");
            let error = "Result<(), preroot_qemu_tests::Error>";
            writeln!(
                tests,
                "#[test]\nfn {function}() -> {error} {{\n    \
                 preroot_qemu_tests::{run}(\"{scenario}\")\n}}\n"
            )
            .expect("a string takes what is written");
        }
        let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
        let out = Path::new(&out).join(format!("{directory}.rs"));
        fs::write(out, &tests).expect("OUT_DIR can be written");
    }
}
