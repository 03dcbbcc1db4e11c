//! Long output on a terminal goes through a pager, which is asked to do nothing where it fits on the screen.

use std::env;
use std::io::Write;
use std::process::{Command, Stdio};

/// What sh(1) exits with where there is no such command, or none that may be run.
const NO_COMMAND: [i32; 2] = [126, 127];

/// Shows a text; false: nobody has, and the caller prints it.
pub(crate) fn show(text: &[u8]) -> bool {
    let mut command = match env::var_os("PAGER") {
        Some(pager) if pager.is_empty() => return false,
        Some(pager) => {
            let mut command = Command::new("sh");
            command.arg("-c").arg(pager);
            command
        }
        None => Command::new("less"),
    };
    if env::var_os("LESS").is_none() {
        // Quit if it fits, colours as they are, and leave the text on the screen.
        command.env("LESS", "FRX");
    }
    let Ok(mut child) = command.stdin(Stdio::piped()).spawn() else {
        return false;
    };
    if let Some(mut stdin) = child.stdin.take() {
        // Who leaves the pager has seen enough.
        let _ = stdin.write_all(text);
    }
    let code = child.wait().ok().and_then(|status| status.code());
    !code.is_some_and(|code| NO_COMMAND.contains(&code))
}
