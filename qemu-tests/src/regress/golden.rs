//! Reports as they were when somebody last looked at them: `golden/`. `BLESS=1` writes them anew.

#![allow(clippy::unwrap_used)] // A test's helper may panic.

use std::path::Path;

/// Holds a text against the file of this name.
pub(crate) fn check(name: &str, text: &str) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/regress/golden");
    let path = dir.join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, expected, "{}", path.display());
}
