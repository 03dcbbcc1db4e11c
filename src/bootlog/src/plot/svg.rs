//! The chart as an SVG: one file, without scripts and without anything from elsewhere.

use std::fmt::{self, Write};

use super::{Bar, Chart, Section, Tone, tick_label, ticks};
use crate::format::{duration, size, visible};

const WIDTH: f64 = 1280.0;
const MARGIN: f64 = 24.0;
/// Where level numbers stand.
const GUTTER: f64 = 64.0;
const LEFT: f64 = MARGIN + GUTTER;
const RIGHT: f64 = WIDTH - MARGIN;
const ROW: f64 = 20.0;
const BAR: f64 = 14.0;
/// Above a section: its title, and the labels of its ticks.
const SECTION_HEAD: f64 = 50.0;
const SECTION_GAP: f64 = 14.0;
const HEAD: f64 = 80.0;
const LEGEND: f64 = 64.0;
/// What a letter of a label takes, at most on average: labels are set in 11 pixels.
const LETTER: f64 = 6.2;
const TICKS_MAX: u64 = 12;
/// Letters of a name or of a reason.
const LETTERS_MAX: usize = 48;
const REASON_MAX: usize = 150;
/// A bar too short to be seen is drawn this wide.
const BAR_WIDTH_MIN: f64 = 1.5;

const STYLE: &str = "\
text{font:11px 'DejaVu Sans',Verdana,Helvetica,sans-serif;fill:#1f2933}\
.title{font-size:20px;font-weight:bold}.head{font-size:14px;font-weight:bold}\
.inside{paint-order:stroke;stroke:#ffffff;stroke-width:3px;stroke-linejoin:round}\
.dim{fill:#66737f}.fault{fill:#b3261e;font-weight:bold}.path{font-weight:bold}\
.grid{stroke:#dde3e8;stroke-width:1}.even{fill:#f4f6f8}.odd{fill:#e9edf1}\
.wall-good{fill:#9cc4e4}.cpu-good{fill:#2f6fa7}\
.wall-bad{fill:#f0a8a2}.cpu-bad{fill:#b3261e}\
.wall-skipped{fill:#d5d9dd}.cpu-skipped{fill:#98a1a9}\
.wall-open{fill:#f3d58a}.cpu-open{fill:#b07d12}\
.on-path{stroke:#12324d;stroke-width:1.5}\
.wait{fill:none;stroke:#7b8794;stroke-width:1}.wait-path{fill:none;stroke:#12324d;stroke-width:1.5}\
.mark{stroke:#b07d12;stroke-width:2;stroke-dasharray:4 3}.mark-text{fill:#8a6100}";

/// A coordinate, to a tenth of a pixel.
struct At(f64);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Zero has no sign here.
        write!(f, "{}", (self.0 * 10.0).round() / 10.0 + 0.0)
    }
}

/// The chart as a picture.
#[must_use]
pub fn svg(chart: &Chart) -> String {
    let height = HEAD + chart.sections.iter().map(section_height).sum::<f64>() + LEGEND;
    let mut drawing = Drawing {
        out: String::new(),
        from_ns: 0,
        to_ns: chart.end_ns,
    };
    // Writing to a String cannot fail, here and below.
    let _ = drawing.draw(chart, height);
    drawing.out
}

fn section_height(section: &Section) -> f64 {
    SECTION_HEAD + rows(section) * ROW + SECTION_GAP
}

/// Bars, and a line that says how many are left out.
fn rows(section: &Section) -> f64 {
    let more = usize::from(section.left_out > 0);
    (section.bars.len() + more) as f64
}

struct Drawing {
    out: String,
    /// The axis of the section that is drawn.
    from_ns: u64,
    to_ns: u64,
}

impl Drawing {
    fn x(&self, ns: u64) -> f64 {
        let part = ns.saturating_sub(self.from_ns) as f64;
        let whole = self.to_ns.saturating_sub(self.from_ns).max(1) as f64;
        LEFT + (RIGHT - LEFT) * (part / whole).min(1.0)
    }

    fn draw(&mut self, chart: &Chart, height: f64) -> fmt::Result {
        let height = At(height);
        writeln!(
            self.out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\">\n<style>{STYLE}</style>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"
        )?;
        let title = format!("{}  {}", chart.verdict, duration(chart.end_ns));
        self.text(MARGIN, 34.0, "title", &title)?;
        let reason = cut(&chart.reason, REASON_MAX);
        self.text(MARGIN, 70.0, "", &reason)?;
        let held = chart.marks.iter().map(|mark| mark.took_ns);
        let held = held.fold(0, u64::saturating_add);
        let held = match held {
            0 => String::new(),
            ns => format!("{} of waiting for a person cut out", duration(ns)),
        };
        let parts = [&*chart.started, &*chart.machine, &*held];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        self.text(MARGIN, 53.0, "dim", &cut(&parts.join(", "), REASON_MAX))?;
        let mut top = HEAD;
        for section in &chart.sections {
            self.section(chart, section, top)?;
            top += section_height(section);
        }
        self.legend(top)?;
        writeln!(self.out, "</svg>")
    }

    fn text(&mut self, x: f64, y: f64, class: &str, text: &str) -> fmt::Result {
        if text.is_empty() {
            return Ok(());
        }
        let (x, y, text) = (At(x), At(y), escape(text));
        writeln!(
            self.out,
            "<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{text}</text>"
        )
    }

    fn section(&mut self, chart: &Chart, section: &Section, top: f64) -> fmt::Result {
        let first = top + SECTION_HEAD;
        let bottom = first + rows(section) * ROW;
        (self.from_ns, self.to_ns) = (section.from_ns, section.to_ns);
        self.text(MARGIN, top + 26.0, "head", &section.title)?;
        let after = MARGIN + 16.0 + section.title.chars().count() as f64 * LETTER * 1.7;
        self.text(after, top + 26.0, "dim", &section.detail)?;
        self.levels(section, first)?;
        self.grid(section, first, bottom)?;
        let axis = section.from_ns..=section.to_ns;
        for mark in chart.marks.iter().filter(|mark| axis.contains(&mark.at_ns)) {
            self.mark(mark, first, bottom)?;
        }
        // Lines below bars.
        for (row, bar) in section.bars.iter().enumerate() {
            self.wait(section, bar, first, row)?;
        }
        for (row, bar) in section.bars.iter().enumerate() {
            self.bar(bar, first + row as f64 * ROW)?;
        }
        if section.left_out > 0 {
            let text = format!("and {} more", section.left_out);
            self.text(LEFT, bottom - 6.0, "dim", &text)?;
        }
        Ok(())
    }

    /// A band behind the scripts of each level.
    fn levels(&mut self, section: &Section, first: f64) -> fmt::Result {
        let mut row = 0;
        for (place, bars) in section
            .bars
            .chunk_by(|one, next| one.level == next.level)
            .enumerate()
        {
            let class = ["even", "odd"][place % 2];
            let (y, height) = (first + row as f64 * ROW, bars.len() as f64 * ROW);
            let (x, width, at, high) = (At(MARGIN), At(RIGHT - MARGIN), At(y), At(height));
            writeln!(
                self.out,
                "<rect x=\"{x}\" y=\"{at}\" width=\"{width}\" height=\"{high}\" class=\"{class}\"/>"
            )?;
            if let Some(bar) = bars.first().filter(|bar| bar.level > 0) {
                let label = format!("level {}", bar.level);
                self.text(MARGIN + 6.0, y + 14.0, "dim", &label)?;
            }
            row += bars.len();
        }
        Ok(())
    }

    fn grid(&mut self, section: &Section, first: f64, bottom: f64) -> fmt::Result {
        for at in ticks(section, TICKS_MAX) {
            let (x, top, end) = (At(self.x(at)), At(first - 4.0), At(bottom));
            writeln!(
                self.out,
                "<line x1=\"{x}\" y1=\"{top}\" x2=\"{x}\" y2=\"{end}\" class=\"grid\"/>"
            )?;
            let label = tick_label(at);
            let half = label.chars().count() as f64 * LETTER / 2.0;
            let x = (self.x(at) - half).min(RIGHT - 2.0 * half);
            self.text(x, first - 8.0, "dim", &label)?;
        }
        Ok(())
    }

    fn mark(&mut self, mark: &super::Mark, first: f64, bottom: f64) -> fmt::Result {
        let (x, top, end) = (At(self.x(mark.at_ns)), At(first), At(bottom));
        let title = format!("waited {} for a person, not drawn", duration(mark.took_ns));
        writeln!(
            self.out,
            "<line x1=\"{x}\" y1=\"{top}\" x2=\"{x}\" y2=\"{end}\" class=\"mark\"><title>{title}</title></line>"
        )
    }

    /// From the end of what was waited for to what it let start.
    fn wait(&mut self, section: &Section, bar: &Bar, first: f64, row: usize) -> fmt::Result {
        let Some((place, awaited)) = bar
            .waits_for
            .and_then(|place| Some((place, section.bars.get(place)?)))
        else {
            return Ok(());
        };
        let middle = |row: usize| At(first + row as f64 * ROW + ROW / 2.0);
        let (from, to) = (self.x(awaited.end_ns), self.x(bar.at_ns));
        let class = match bar.on_path && awaited.on_path {
            true => "wait-path",
            false => "wait",
        };
        let (x, y, end, down) = (At(from), middle(place), At(to), middle(row));
        writeln!(
            self.out,
            "<path d=\"M{x} {y}V{down}H{end}\" class=\"{class}\"/>"
        )
    }

    fn bar(&mut self, bar: &Bar, top: f64) -> fmt::Result {
        let (from, to) = (self.x(bar.at_ns), self.x(bar.end_ns));
        let width = (to - from).max(BAR_WIDTH_MIN);
        let took = bar.end_ns.saturating_sub(bar.at_ns);
        let tone = match bar.tone {
            Tone::Good => "good",
            Tone::Skipped => "skipped",
            Tone::Bad => "bad",
            Tone::Open => "open",
        };
        let path = match bar.on_path {
            true => " on-path",
            false => "",
        };
        let (x, y, wide) = (At(from), At(top + (ROW - BAR) / 2.0), At(width));
        writeln!(
            self.out,
            "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{BAR}\" class=\"wall-{tone}{path}\"/>",
            escape(&told(bar))
        )?;
        let cpu = bar.cpu_ns.unwrap_or(0).min(took);
        if cpu > 0 {
            let share = At(width * (cpu as f64 / took as f64));
            let y = At(top + ROW / 2.0);
            let height = BAR / 2.0;
            writeln!(
                self.out,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{share}\" height=\"{height}\" class=\"cpu-{tone}\"/>"
            )?;
        }
        self.label(bar, from, from + width, top)?;
        writeln!(self.out, "</g>")
    }

    /// Name and time, behind the bar, before it, or in it: where there is room.
    fn label(&mut self, bar: &Bar, from: f64, to: f64, top: f64) -> fmt::Result {
        let name = cut(&bar.name, LETTERS_MAX);
        let took = match bar.tone {
            Tone::Open => String::new(),
            _ => duration(bar.end_ns.saturating_sub(bar.at_ns)),
        };
        let fault = cut(&bar.fault, LETTERS_MAX);
        let letters = [&name, &took, &fault].map(|text| text.chars().count() + 1);
        let room = letters.iter().sum::<usize>() as f64 * LETTER + 6.0;
        // On its bar, which may be dark there, it is read by a rim.
        let (x, how) = if to + room <= RIGHT {
            (to + 5.0, "text-anchor=\"start\"")
        } else if from - room >= LEFT {
            (from - 6.0, "text-anchor=\"end\"")
        } else {
            (from + 6.0, "text-anchor=\"start\" class=\"inside\"")
        };
        let (x, y) = (At(x), At(top + 14.0));
        let class = match bar.on_path {
            true => "path",
            false => "",
        };
        let part = |class: &str, text: &str| match text {
            "" => String::new(),
            text => format!(" <tspan class=\"{class}\">{}</tspan>", escape(text)),
        };
        let (name, took, fault) = (escape(&name), part("dim", &took), part("fault", &fault));
        writeln!(
            self.out,
            "<text x=\"{x}\" y=\"{y}\" {how}><tspan class=\"{class}\">{name}</tspan>\
             {took}{fault}</text>"
        )
    }

    fn legend(&mut self, top: f64) -> fmt::Result {
        let samples = [
            ("wall-good", "time"),
            ("cpu-good", "CPU time"),
            ("wall-bad", "failed"),
            ("wall-skipped", "skipped"),
            ("wall-open", "has not ended"),
            ("wall-good on-path", "on the critical path"),
        ];
        let mut x = MARGIN;
        for (class, words) in samples {
            let (at, y) = (At(x), At(top + 14.0));
            writeln!(
                self.out,
                "<rect x=\"{at}\" y=\"{y}\" width=\"26\" height=\"12\" class=\"{class}\"/>"
            )?;
            self.text(x + 32.0, top + 24.0, "", words)?;
            x += 32.0 + words.chars().count() as f64 * LETTER + 26.0;
        }
        let (at, end, y, down) = (At(x), At(x + 26.0), At(top + 14.0), At(top + 26.0));
        writeln!(
            self.out,
            "<path d=\"M{at} {y}V{down}H{end}\" class=\"wait\"/>"
        )?;
        self.text(
            x + 32.0,
            top + 24.0,
            "",
            "from the end of what a script waited for",
        )?;
        x += 32.0 + 40.0 * LETTER + 26.0;
        let (at, y, down) = (At(x), At(top + 12.0), At(top + 28.0));
        writeln!(
            self.out,
            "<line x1=\"{at}\" y1=\"{y}\" x2=\"{at}\" y2=\"{down}\" class=\"mark\"/>"
        )?;
        self.text(x + 8.0, top + 24.0, "", "waited for a person, cut out")
    }
}

/// What is under the pointer: all that is known.
fn told(bar: &Bar) -> String {
    let mut text = format!("{}: began at {}", bar.name, duration(bar.at_ns));
    match bar.tone {
        Tone::Open => text += ", has not ended",
        _ => text += &format!(", took {}", duration(bar.end_ns.saturating_sub(bar.at_ns))),
    }
    if let Some(cpu) = bar.cpu_ns {
        text += &format!(", CPU {}", duration(cpu));
    }
    if bar.memory_kib > 0 {
        text += &format!(", memory {}", size(u64::from(bar.memory_kib) << 10));
    }
    match bar.fault.as_str() {
        "" => text,
        fault => format!("{text}, {fault}"),
    }
}

fn cut(text: &str, letters: usize) -> String {
    match text.chars().count() > letters {
        true => text.chars().take(letters - 3).collect::<String>() + "...",
        false => text.to_owned(),
    }
}

/// A text between tags; what a terminal would act on or no XML may hold is made visible.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in visible(text).chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // XML 1.0, production 2: the only ones left that are no characters of a document.
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        let check = |text: &str, expected: &str| assert_eq!(escape(text), expected);
        check("ssh", "ssh");
        check("a&b<c>", "a&amp;b&lt;c&gt;");
        check("a\u{1b}[2J\u{ffff}", "a\\x1b[2J\u{fffd}");
    }
}
