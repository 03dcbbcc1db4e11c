//! A page of lines and tables for a terminal, 100 columns wide.
//!
//! Text becomes a [`Span`] in one place, which makes control characters visible: nothing that a
//! script printed can reach the terminal raw.

use crate::format::visible;

/// How wide a page may be.
pub const COLUMNS_MAX: usize = 100;
const CUT_MARK: &str = "...";
const GAP: &str = "  ";
/// Where text goes on whose front takes half a line.
const INDENT_COLUMNS: usize = 10;

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Nothing special.
    Plain,
    /// A heading.
    Bold,
    /// As it should be.
    Good,
    /// Worth a look.
    Odd,
    /// Broken.
    Bad,
    /// Beside the point.
    Dim,
}

impl Style {
    fn escape(self) -> &'static str {
        match self {
            Style::Plain => "",
            Style::Bold => "\x1b[1m",
            Style::Good => "\x1b[1;32m",
            Style::Odd => "\x1b[33m",
            Style::Bad => "\x1b[1;31m",
            Style::Dim => "\x1b[2m",
        }
    }
}

/// Whether to write colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// For a terminal.
    Yes,
    /// For a file or a pipe.
    No,
}

/// Text in one style, safe for a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    style: Style,
    text: String,
}

impl Span {
    /// Text in a style; what a terminal would act on is made visible.
    #[must_use]
    pub fn new(style: Style, text: &str) -> Span {
        Span {
            style,
            text: visible(text),
        }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

impl From<&str> for Span {
    fn from(text: &str) -> Span {
        Span::new(Style::Plain, text)
    }
}

impl From<String> for Span {
    fn from(text: String) -> Span {
        Span::new(Style::Plain, &text)
    }
}

/// On which side a column's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows in aligned columns.
#[derive(Debug, Clone)]
pub struct Table {
    sides: Vec<Side>,
    rows: Vec<Vec<Span>>,
}

impl Table {
    /// A table with these columns.
    #[must_use]
    pub fn new(sides: &[Side]) -> Table {
        Table {
            sides: sides.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds the names of the columns.
    pub fn names(&mut self, names: &[&str]) {
        let name = |name: &&str| Span::new(Style::Dim, name);
        self.rows.push(names.iter().map(name).collect());
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [Span; N]) {
        self.rows.push(cells.into());
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(Span::width).max().unwrap_or(0)
        };
        (0..self.sides.len()).map(width).collect()
    }
}

/// Lines, one after the other.
#[derive(Debug, Clone, Default)]
pub struct Page {
    lines: Vec<Vec<Span>>,
}

impl Page {
    /// Adds a blank line and a heading.
    pub fn heading(&mut self, title: &str, rest: &str) {
        let mut line = vec![Span::new(Style::Bold, title)];
        if !rest.is_empty() {
            line.extend([GAP.into(), rest.into()]);
        }
        self.lines.extend([Vec::new(), line]);
    }

    /// Adds a line.
    pub fn line(&mut self, spans: impl IntoIterator<Item = Span>) {
        self.lines.push(spans.into_iter().collect());
    }

    /// Adds a name and a text that goes on under itself when it is too long for a line.
    pub fn labelled(&mut self, label: &str, style: Style, text: &str) {
        let width = label.chars().count();
        for (index, piece) in wrap(&visible(text), COLUMNS_MAX - width).iter().enumerate() {
            let front = match index {
                0 => label.into(),
                _ => " ".repeat(width).into(),
            };
            self.line([front, Span::new(style, piece)]);
        }
    }

    /// Adds a text behind a front; it goes on under itself when there is room, else under the front.
    pub fn wrapped(&mut self, front: &[Span], text: &str) {
        let width: usize = front.iter().map(Span::width).sum();
        let indent = match width < COLUMNS_MAX / 2 {
            true => width,
            false => INDENT_COLUMNS,
        };
        let mut line = front.to_vec();
        if indent < width {
            self.line(std::mem::take(&mut line));
            line.push(" ".repeat(indent).into());
        }
        for piece in wrap(&visible(text), COLUMNS_MAX - indent) {
            line.push(Span::from(piece));
            self.line(std::mem::take(&mut line));
            line.push(" ".repeat(indent).into());
        }
    }

    /// Adds a table, indented.
    pub fn table(&mut self, table: &Table) {
        let widths = table.widths();
        for row in &table.rows {
            let mut line = Vec::new();
            for ((cell, side), width) in row.iter().zip(&table.sides).zip(&widths) {
                let padding = " ".repeat(width - cell.width());
                line.push(GAP.into());
                match side {
                    Side::Left => line.extend([cell.clone(), padding.into()]),
                    Side::Right => line.extend([padding.into(), cell.clone()]),
                }
            }
            self.lines.push(line);
        }
    }

    /// The page as text; lines that are too long are cut.
    #[must_use]
    pub fn render(&self, colour: Colour) -> String {
        let mut out = String::new();
        for line in &self.lines {
            render_line(line, colour, &mut out);
            out.push('\n');
        }
        out
    }
}

fn render_line(line: &[Span], colour: Colour, out: &mut String) {
    let last = line.iter().rposition(|span| !span.text.trim().is_empty());
    let line = line
        .get(..last.map_or(0, |last| last + 1))
        .unwrap_or_default();
    let total: usize = line.iter().map(Span::width).sum();
    let mut room = match total > COLUMNS_MAX {
        true => COLUMNS_MAX - CUT_MARK.len(),
        false => COLUMNS_MAX,
    };
    for (index, span) in line.iter().enumerate() {
        let text = match last == Some(index) {
            true => span.text.trim_end(),
            false => &span.text,
        };
        let cut: String = text.chars().take(room).collect();
        room -= cut.chars().count();
        match span.style.escape() {
            "" => out.push_str(&cut),
            escape if colour == Colour::Yes && !cut.is_empty() => {
                out.push_str(escape);
                out.push_str(&cut);
                out.push_str("\x1b[0m");
            }
            _ => out.push_str(&cut),
        }
    }
    if total > COLUMNS_MAX {
        out.push_str(CUT_MARK);
    }
}

/// Breaks text at blanks into pieces of at most `width` characters; longer words are broken anywhere.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            pieces.push(String::new());
            used = 0;
        }
        for character in (used > 0).then_some(' ').into_iter().chain(word.chars()) {
            if used == width {
                pieces.push(String::new());
                used = 0;
            }
            if let Some(piece) = pieces.last_mut() {
                piece.push(character);
            }
            used += 1;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut() {
        let mut page = Page::default();
        page.line([
            "x".repeat(90).into(),
            Span::new(Style::Bad, &"y".repeat(20)),
        ]);
        let expected = format!("{}{}...\n", "x".repeat(90), "y".repeat(7));
        assert_eq!(page.render(Colour::No), expected);
    }

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&[Side::Left, Side::Right]);
        table.row(["a".into(), "1".into()]);
        table.row(["long".into(), "\u{1b}".into()]);
        let mut page = Page::default();
        page.table(&table);
        assert_eq!(page.render(Colour::No), "  a        1\n  long  \\x1b\n");
    }

    #[test]
    fn text_is_wrapped() {
        fn check(text: &str, expected: &[&str]) {
            assert_eq!(wrap(text, 5), expected);
        }
        check("", &[""]);
        check("ab cd ef", &["ab cd", "ef"]);
        check("abcdefgh i", &["abcde", "fgh i"]);
    }

    #[test]
    fn colours_only_when_asked() {
        let mut page = Page::default();
        page.line([Span::new(Style::Good, "OK")]);
        assert_eq!(page.render(Colour::No), "OK\n");
        assert_eq!(page.render(Colour::Yes), "\x1b[1;32mOK\x1b[0m\n");
    }
}
