//! Small texts: composed without a heap, cut where they do not fit.

use core::fmt::{self, Write};

use heapless::String;
use heapless::string::StringView;

use crate::limits::TEXT_BYTES_MAX;

/// A text of at most [`TEXT_BYTES_MAX`] bytes.
pub(crate) type Text = String<TEXT_BYTES_MAX>;

/// Composes a text; what does not fit is cut at a character.
pub(crate) fn text<const N: usize>(arguments: fmt::Arguments<'_>) -> String<N> {
    let mut out = String::new();
    compose(&mut out, arguments);
    out
}

/// One function for texts of every size.
fn compose(out: &mut StringView, arguments: fmt::Arguments<'_>) {
    struct Cut<'a>(&'a mut StringView);
    impl Write for Cut<'_> {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            for character in part.chars() {
                self.0.push(character).map_err(|_| fmt::Error)?;
            }
            Ok(())
        }
    }
    // An error here means that the text is full: what is there is what fits.
    let _ = Cut(out).write_fmt(arguments);
}

/// The front of `text` that fits into `bytes_max` bytes.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max))
        .unwrap_or_default()
}

/// What stands before and behind the first place where `words` stand in `text`. As `str::split_once`, whose search is made
/// for long texts and is ten times as much code.
pub(crate) fn split_at_words<'t>(text: &'t str, words: &str) -> Option<(&'t str, &'t str)> {
    let mut windows = text.as_bytes().windows(words.len());
    let at = windows.position(|window| window == words.as_bytes())?;
    Some((text.get(..at)?, text.get(at.saturating_add(words.len())..)?))
}

/// Lines out of pieces of output. A line that does not fit is cut.
#[derive(Debug, Default)]
pub(crate) struct Lines<const N: usize> {
    line: heapless::Vec<u8, N>,
}

impl<const N: usize> Lines<N> {
    pub(crate) const fn new() -> Lines<N> {
        Lines {
            line: heapless::Vec::new(),
        }
    }

    /// Takes a piece and hands each line that it completes to `each`.
    pub(crate) fn take(&mut self, piece: &[u8], mut each: impl FnMut(&str)) {
        for &byte in piece {
            if byte != b'\n' {
                // A full line takes no more: the rest of it is cut.
                let _ = self.line.push(byte);
                continue;
            }
            if let Ok(line) = core::str::from_utf8(&self.line) {
                each(line);
            }
            self.line.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_from_any_pieces() {
        let whole = b"1 0 5\n22 2 7\nabcdefghijkl\n3";
        for cut_at in 0..whole.len() {
            let mut lines = Lines::<8>::new();
            let mut got = std::vec::Vec::new();
            for piece in [&whole[..cut_at], &whole[cut_at..]] {
                lines.take(piece, |line| got.push(std::string::String::from(line)));
            }
            assert_eq!(got, ["1 0 5", "22 2 7", "abcdefgh"]);
        }
    }

    #[test]
    fn text_is_cut_at_a_character() {
        assert_eq!(text::<4>(format_args!("ab{}", "cüd")).as_str(), "abc");
        assert_eq!(cut("aü", 2), "a");
    }
}
