//! `--json`: one object a boot, stable.
//!
//! `{"format": 1, "boot": {...}}` where `boot` is [`crate::model::Boot`] field by field; `list` gives
//! `{"format": 1, "boots": [...]}`, `critical-path` `{"format": 1, "runlevels": [...]}` with what
//! [`CriticalPath`] has, `blame` `{"format": 1, "blame": [...]}` of [`blame::Entry`], `kernel` `{"format": 1, "kernel": [...]}` of [`KernelMessage`], `hardware` `{"format": 1, "hardware": [...], "inventory": [...]}` of [`Hardware`] and [`Thing`], with
//! `--changes` `{"format": 1, "boots": [...]}` of [`Changes`], and `output`
//! `{"format": 1, "outputs": [...]}` of [`Output`]; `diff` gives `{"format": 1, "diff": {...}}` of [`Diff`], `plot`
//! `{"format": 1, "plot": {...}}` of [`Chart`], `fleet`
//! `{"format": 1, "fleet": {...}}` of [`Fleet`](crate::fleet::Fleet). `format` changes only if a field changes its meaning or goes; new
//! fields may come at any time. Characters that a terminal would act on are written as `\uXXXX`.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};

use crate::blame;
use crate::critical_path::CriticalPath;
use crate::diff::Diff;
use crate::format::is_unsafe;
use crate::hardware::Changes;
use crate::model::{Boot, Hardware, KernelMessage, Thing};
use crate::output::Output;
use crate::plot::Chart;

const FORMAT: u32 = 1;

#[derive(Serialize)]
struct One<'a> {
    format: u32,
    boot: &'a Boot,
}

#[derive(Serialize)]
struct Many<'a> {
    format: u32,
    boots: &'a [crate::list::Entry],
}

#[derive(Serialize)]
struct Paths<'a> {
    format: u32,
    #[serde(flatten)]
    path: &'a CriticalPath,
}

#[derive(Serialize)]
struct Blame<'a> {
    format: u32,
    blame: &'a [blame::Entry],
}

#[derive(Serialize)]
struct Kernel<'a> {
    format: u32,
    kernel: &'a [KernelMessage],
}

#[derive(Serialize)]
struct Machine<'a> {
    format: u32,
    hardware: &'a [Hardware],
    inventory: &'a [Thing],
}

#[derive(Serialize)]
struct Changed<'a> {
    format: u32,
    boots: &'a [Changes],
}

#[derive(Serialize)]
struct Outputs<'a> {
    format: u32,
    outputs: &'a [Output],
}

#[derive(Serialize)]
struct Differences<'a> {
    format: u32,
    diff: &'a Diff,
}

#[derive(Serialize)]
struct Plot<'a> {
    format: u32,
    plot: &'a Chart,
}

#[cfg(feature = "full")]
#[derive(Serialize)]
struct Fleet<'a> {
    format: u32,
    fleet: &'a crate::fleet::Fleet,
}

/// One boot as JSON.
///
/// # Errors
/// None that a caller could mend: the model has only keys that JSON has.
pub fn boot(boot: &Boot) -> io::Result<Vec<u8>> {
    let format = FORMAT;
    write(&One { format, boot })
}

/// The list of boots as JSON.
///
/// # Errors
/// As [`boot`].
pub fn list(boots: &[crate::list::Entry]) -> io::Result<Vec<u8>> {
    let format = FORMAT;
    write(&Many { format, boots })
}

/// The critical paths of a boot as JSON.
///
/// # Errors
/// As [`boot`].
pub fn critical_path(path: &CriticalPath) -> io::Result<Vec<u8>> {
    let format = FORMAT;
    write(&Paths { format, path })
}

/// What took time as JSON.
///
/// # Errors
/// As [`boot`].
pub fn blame(blame: &[blame::Entry]) -> io::Result<Vec<u8>> {
    let format = FORMAT;
    write(&Blame { format, blame })
}

/// What the kernel said as JSON.
///
/// # Errors
/// As [`boot`].
pub fn kernel(boot: &Boot) -> io::Result<Vec<u8>> {
    let (format, kernel) = (FORMAT, boot.kernel.as_slice());
    write(&Kernel { format, kernel })
}

/// What was in the machine and what was expected as JSON.
///
/// # Errors
/// As [`boot`].
pub fn hardware(boot: &Boot) -> io::Result<Vec<u8>> {
    write(&Machine {
        format: FORMAT,
        hardware: &boot.hardware,
        inventory: &boot.inventory,
    })
}

/// What has changed from boot to boot as JSON.
///
/// # Errors
/// As [`boot`].
pub fn changes(boots: &[Changes]) -> io::Result<Vec<u8>> {
    let format = FORMAT;
    write(&Changed { format, boots })
}

/// What was written as JSON.
///
/// # Errors
/// As [`boot`].
pub fn outputs(outputs: &[Output]) -> io::Result<Vec<u8>> {
    let format = FORMAT;
    write(&Outputs { format, outputs })
}

/// Differences as JSON.
///
/// # Errors
/// As [`boot`].
pub fn diff(diff: &Diff) -> io::Result<Vec<u8>> {
    let format = FORMAT;
    write(&Differences { format, diff })
}

/// A chart as JSON.
///
/// # Errors
/// As [`boot`].
pub fn plot(plot: &Chart) -> io::Result<Vec<u8>> {
    let format = FORMAT;
    write(&Plot { format, plot })
}

/// A fleet as JSON.
///
/// # Errors
/// As [`boot`].
#[cfg(feature = "full")]
pub fn fleet(fleet: &crate::fleet::Fleet) -> io::Result<Vec<u8>> {
    let format = FORMAT;
    write(&Fleet { format, fleet })
}

/// One boot as JSON on one line.
///
/// # Errors
/// As [`boot`].
#[cfg(feature = "full")]
pub fn boot_line(boot: &Boot) -> io::Result<Vec<u8>> {
    let format = FORMAT;
    line(&One { format, boot })
}

/// A value as JSON on one line.
#[cfg(feature = "full")]
pub(crate) fn line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, Line))?;
    out.push(b'\n');
    Ok(out)
}

fn write(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Safe::default());
    value.serialize(&mut serializer)?;
    out.push(b'\n');
    Ok(out)
}

fn safe_fragment<W: ?Sized + Write>(writer: &mut W, fragment: &str) -> io::Result<()> {
    for character in fragment.chars() {
        if !is_unsafe(character) {
            writer.write_all(character.encode_utf8(&mut [0; 4]).as_bytes())?;
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            write!(writer, "\\u{unit:04x}")?;
        }
    }
    Ok(())
}

/// JSON on one line, its strings as safe.
#[cfg(feature = "full")]
struct Line;

#[cfg(feature = "full")]
impl Formatter for Line {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        safe_fragment(writer, fragment)
    }
}

/// Pretty JSON whose strings are safe to print.
#[derive(Default)]
struct Safe(PrettyFormatter<'static>);

impl Formatter for Safe {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        safe_fragment(writer, fragment)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}
