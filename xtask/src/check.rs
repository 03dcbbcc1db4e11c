//! Checks on the products themselves: what must be in a binary, what must not, and how big it is.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::error::Error;
use crate::product;
use crate::run;

/// The size that PID 1 may have on disk.
pub(crate) const INIT_BYTES_MAX: u64 = 256 * 1024;

/// The size that its helpers' program may have.
const HELPER_BYTES_MAX: u64 = 352 * 1024;

/// Symbols of allocators: Rust's shims and the C library's entry.
const ALLOCATOR_SYMBOLS: [&str; 6] = [
    "__rust_alloc",
    "__rust_realloc",
    "__rdl_alloc",
    "__rg_alloc",
    "malloc",
    "__libc_malloc",
];

/// Program headers that a static binary does not have.
const DYNAMIC_HEADERS: [&str; 2] = ["INTERP", "DYNAMIC"];

/// Checks PID 1 and the helpers' program beside it: static, small, without a heap.
pub(crate) fn guest(init: &Path) -> Result<(), Error> {
    let unstripped = product::build_init_unstripped()?;
    program("PID 1", init, &unstripped, INIT_BYTES_MAX)?;
    let (helper, unstripped) = (product::helper(init), product::helper(&unstripped));
    program("helpers", &helper, &unstripped, HELPER_BYTES_MAX)
}

fn program(what: &str, path: &Path, unstripped: &Path, bytes_max: u64) -> Result<(), Error> {
    let size = size(path)?;
    if size > bytes_max {
        return Err(bad(path, &format!("{size} bytes, more than {bytes_max}")));
    }
    let headers = run::quiet(Command::new("readelf").args(["-lW"]).arg(path))?;
    let header = |line: &str| {
        line.split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let found: Vec<String> = headers
        .lines()
        .map(header)
        .filter(|name| DYNAMIC_HEADERS.contains(&name.as_str()))
        .collect();
    if !found.is_empty() {
        return Err(bad(
            path,
            &format!("not static: it has {}", found.join(" and ")),
        ));
    }
    let symbols = run::quiet(Command::new("nm").arg(unstripped))?;
    let found = allocator_symbols(&symbols);
    if !found.is_empty() {
        return Err(bad(
            unstripped,
            &format!("it has a heap: {}", found.join(", ")),
        ));
    }
    eprintln!("  {what}: {size} bytes of {bytes_max}, static, no allocator");
    Ok(())
}

/// Checks that baking twice gives the same bytes.
pub(crate) fn same(one: &Path, other: &Path) -> Result<(), Error> {
    let read = |path: &Path| fs::read(path).map_err(|error| Error::file("read", path, error));
    if read(one)? == read(other)? {
        return Ok(());
    }
    Err(bad(
        one,
        &format!("differs from {}, made from the same input", other.display()),
    ))
}

/// The size of a file.
pub(crate) fn size(path: &Path) -> Result<u64, Error> {
    let facts = fs::metadata(path).map_err(|error| Error::file("read", path, error))?;
    Ok(facts.len())
}

fn allocator_symbols(listing: &str) -> Vec<&str> {
    let name = |line: &'_ str| line.split_whitespace().next_back().map(str::to_owned);
    listing
        .lines()
        .filter(|line| {
            let name = name(line).unwrap_or_default();
            // Mangled names carry the plain one inside, after its length.
            ALLOCATOR_SYMBOLS.iter().any(|symbol| {
                name == *symbol || (symbol.starts_with("__r") && name.contains(symbol))
            })
        })
        .collect()
}

fn bad(path: &Path, what: &str) -> Error {
    Error::Product {
        what: format!("{}: {what}", path.display()),
        remedy: "look at the commit that changed it: `cargo xtask test --no-vm` is quick"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocators_are_known_by_their_symbols() {
        let check = |line: &str, expected: bool| {
            assert_eq!(!allocator_symbols(line).is_empty(), expected, "{line}");
        };
        check("0000000000401000 T _start", false);
        check("0000000000401000 T __rust_alloc", true);
        check(
            "0000000000401000 T _RNvCs3Qc_7___rustc12___rust_alloc",
            true,
        );
        check("                 U malloc", true);
        check("0000000000401000 t mallocate", false);
        check("", false);
    }
}
