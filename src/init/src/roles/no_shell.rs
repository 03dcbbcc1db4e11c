//! What a person has where the shell cannot be unpacked, because the image is damaged: the client's words, a line each.
//!
//! PID 1 may be as well as ever: the boot can be looked at, gone on with and ended, and `enter` becomes the root's own shell where the root is
//! mounted. `ssh HOST preroot WORD` works too: what a shell would be given by `-c` is such a line. There is no quoting.

use core::fmt::Write;

use preroot_boot::roles::CLIENT;
use preroot_sys::{descriptor, io, memory};

use super::tool::NOT_EXECUTABLE;
use super::{Stream, Words, client};
use crate::limits::REQUEST_BYTES_MAX;

const PROMPT: &[u8] = b"preroot (no shell)# ";

/// What is said by a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    /// The session is to end.
    End,
    /// Words for the client.
    Words,
    /// More than anybody would say, or no text.
    Unclear,
}

/// In the shell's place; `words`: what it was given.
pub(super) fn run(words: &Words) -> i32 {
    let mut asked = Words::new();
    match words.as_slice() {
        ["-c", command, ..] => match said(command, &mut asked) {
            Said::Words if command.split_ascii_whitespace().next() == Some(CLIENT) => {
                client::run(&asked)
            }
            _ => {
                let _ = writeln!(
                    Stream::error(),
                    "no shell: `preroot WORD` works without one"
                );
                NOT_EXECUTABLE
            }
        },
        _ => session(),
    }
}

/// One line after the other, until there are no more.
fn session() -> i32 {
    let mut words = Words::new();
    said("greeting", &mut words);
    client::run(&words);
    let _ = writeln!(
        Stream::output(),
        "The tools of this image are damaged: there is no shell. Each line is for preroot: status, retry, continue, reboot, poweroff, ...\n\
         `enter` is the root's own shell, where the root is mounted; `help` has all words; `exit` ends."
    );
    let mut code = 0;
    loop {
        // Nowhere is left to say that nobody can be told.
        let _ = io::write(descriptor::stdout(), PROMPT);
        let Some(line) = line() else { return code };
        match line.map_or(Said::Unclear, |line| said(line, &mut words)) {
            Said::Nothing => {}
            Said::End => return code,
            Said::Words => code = client::run(&words),
            Said::Unclear => {
                let _ = writeln!(Stream::error(), "preroot: that is too long, or no text");
            }
        }
    }
}

/// What a line says; the words for the client in `words`.
fn said(line: &'static str, words: &mut Words) -> Said {
    words.clear();
    for word in line.split_ascii_whitespace() {
        if words.push(word).is_err() {
            return Said::Unclear;
        }
    }
    // Whoever is used to a shell says whose word it is.
    if words.first() == Some(&CLIENT) {
        words.remove(0);
        return Said::Words;
    }
    match words.as_slice() {
        [] => Said::Nothing,
        ["exit" | "logout"] => Said::End,
        _ => Said::Words,
    }
}

/// The next line from standard input, in memory that stays; `None`: there are no more. One that is too long, or no text, is `Err`.
fn line() -> Option<Result<&'static str, ()>> {
    let buffer = memory::anonymous(REQUEST_BYTES_MAX).ok()?;
    let (mut length, mut byte) = (0_usize, [0]);
    loop {
        match io::read(descriptor::stdin(), &mut byte) {
            Ok(0) | Err(_) if length == 0 => return None,
            Ok(0) | Err(_) => break,
            Ok(_) if byte == *b"\n" => break,
            Ok(_) => {
                if let Some(place) = buffer.get_mut(length) {
                    [*place] = byte;
                }
                length = length.saturating_add(1);
            }
        }
    }
    let line = buffer.get(..length).ok_or(());
    Some(line.and_then(|line| core::str::from_utf8(line).map_err(drop)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_words_for_the_client() {
        let mut words = Words::new();
        let mut check = |line: &'static str, found: Said, expected: &[&str]| {
            assert_eq!(said(line, &mut words), found, "{line}");
            assert_eq!(words.as_slice(), expected, "{line}");
        };
        check("status", Said::Words, &["status"]);
        check("preroot status --json", Said::Words, &["status", "--json"]);
        let words = &["continue", "root=/dev/vdb1"];
        check("  preroot\tcontinue root=/dev/vdb1\r", Said::Words, words);
        // Its own help.
        check("preroot", Said::Words, &[]);
        check(" \r", Said::Nothing, &[]);
        check("exit", Said::End, &["exit"]);
        let long: &'static str = "a ".repeat(300).leak();
        assert_eq!(said(long, &mut Words::new()), Said::Unclear);
    }

    #[test]
    fn what_is_not_for_the_client_is_refused() {
        let words = ["-c", "rm -rf /"].into_iter().collect();
        assert_eq!(run(&words), NOT_EXECUTABLE);
    }
}
