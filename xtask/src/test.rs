//! `cargo xtask test`: everything that says whether a clone is good, quick checks first.
//!
//! Ends with the closing lines of cargo's own test runs: those of the VM tests, unless they are
//! left out.

use std::process::Command;

use crate::TestArgs;
use crate::apt;
use crate::artefacts;
use crate::check;
use crate::error::Error;
use crate::product;
use crate::progress::Progress;
use crate::run;
use crate::setup::{self, Setup};

/// Machines that run at the same time: each has two processors.
const VM_TESTS_AT_ONCE: &str = "2";

/// Cases of each property in the fuzz smoke: some seconds in all.
const FUZZ_CASES: &str = "1000";
/// Names of the properties that are fed anything at all, as cargo's test filter takes them.
const FUZZED: [&str; 3] = ["any_", "random_bytes", "no_plan_that"];

/// `xtask test`.
pub(crate) fn command(args: &TestArgs) -> Result<(), Error> {
    // The unit tests hold our work against insserv, e2fsprogs, cpio and others.
    apt::ensure(&Progress)?;
    step("fmt", &mut run::cargo(&["fmt", "--all", "--check"]))?;
    let strict = ["--", "-D", "warnings"];
    let workspace = [
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--features",
    ];
    let vm = ["preroot-qemu-tests/vm"];
    step(
        "clippy",
        &mut run::cargo(&[&workspace[..], &vm, &strict].concat()),
    )?;
    let init = [
        "clippy",
        "--quiet",
        "-p",
        "preroot-init",
        "--features",
        "bin",
    ];
    step(
        "clippy of PID 1",
        &mut run::cargo(&[&init[..], &strict].concat()),
    )?;
    let mut doc = run::cargo(&["doc", "--quiet", "--workspace", "--no-deps"]);
    doc.arg("--document-private-items")
        .env("RUSTDOCFLAGS", "-D warnings");
    step("docs", &mut doc)?;
    step("unit tests", &mut run::cargo(&["test", "--workspace"]))?;
    let mut smoke = run::cargo(&[
        "test",
        "--quiet",
        "--workspace",
        "--exclude",
        "preroot-qemu-tests",
    ]);
    smoke
        .arg("--")
        .args(FUZZED)
        .env("PROPTEST_CASES", FUZZ_CASES);
    step("fuzz smoke", &mut smoke)?;
    let init = product::build_init()?;
    begin("PID 1 as a product");
    check::guest(&init)?;
    if args.no_vm {
        return Ok(());
    }
    let setup = setup::all()?;
    begin("baking twice gives the same bytes");
    bakes_alike(&setup)?;
    vm_tests(args, &setup)
}

fn bakes_alike(setup: &Setup) -> Result<(), Error> {
    let again = setup.baked.dir().join("again.img");
    product::bake_again(setup, &again)?;
    check::same(&setup.baked.image(), &again)?;
    std::fs::remove_file(&again).map_err(|error| Error::file("remove", &again, error))
}

fn vm_tests(args: &TestArgs, setup: &Setup) -> Result<(), Error> {
    let words = [
        "test",
        "-p",
        "preroot-qemu-tests",
        "--features",
        "vm",
        "--test",
        "vm",
        "--",
    ];
    let mut command = run::cargo(&words);
    command
        .args(["--test-threads", VM_TESTS_AT_ONCE])
        .args(&args.vm);
    step("VM tests", command.env(artefacts::VARIABLE, &setup.index))
}

fn step(name: &str, command: &mut Command) -> Result<(), Error> {
    begin(name);
    match run::shown(command) {
        // It has said what is wrong.
        Err(Error::Command { .. }) => Err(Error::Check(name.to_owned())),
        other => other,
    }
}

fn begin(name: &str) {
    eprintln!("== {name}");
}
