//! The line of a byte of a file, found by a binary search: a table of 10,000 hosts asks for many.

/// Where the lines of a text end.
#[derive(Debug)]
pub(crate) struct LineIndex(Vec<usize>);

impl LineIndex {
    /// Of a text.
    pub(crate) fn of(text: &str) -> LineIndex {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        LineIndex(ends.map(|(at, _)| at).collect())
    }

    /// The line of a byte, from 1.
    pub(crate) fn line(&self, byte: usize) -> usize {
        self.0.partition_point(|&end| end < byte) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_with_its_newline() {
        let check = |text: &str, byte: usize, expected: usize| {
            assert_eq!(LineIndex::of(text).line(byte), expected, "{text:?} {byte}");
        };
        check("", 0, 1);
        check("a\nb\n", 0, 1);
        check("a\nb\n", 1, 1);
        check("a\nb\n", 2, 2);
        check("a\nb\n", 4, 3);
        check("\n\n", 1, 2);
    }
}
