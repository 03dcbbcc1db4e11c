//! What an ELF file is and needs: its loader, its libraries and the versions of their symbols.

use std::collections::BTreeSet;

use object::elf;
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader};

/// The machine that images are made for; PID 1 has its entry point in this machine's assembly.
const MACHINE: u16 = elf::EM_X86_64;

type Header = elf::FileHeader64<object::LittleEndian>;

/// What matters of an ELF file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Elf {
    /// Whether it can be started (`ET_EXEC`, `ET_DYN`), as opposed to a module (`ET_REL`).
    pub(crate) form: Form,
    /// The loader it asks for.
    pub(crate) interpreter: Option<String>,
    /// The libraries it needs, by soname, in its order.
    pub(crate) needed: Vec<String>,
    /// The versions it needs: library and version.
    pub(crate) versions_needed: BTreeSet<(String, String)>,
    /// The versions it has for others.
    pub(crate) versions_defined: BTreeSet<String>,
}

/// What kind of ELF file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Form {
    /// A program or a library.
    #[default]
    Program,
    /// A kernel module.
    Module,
}

impl Elf {
    /// Whether these bytes are an ELF file of any machine.
    pub(crate) fn is(bytes: &[u8]) -> bool {
        bytes.starts_with(&elf::ELFMAG)
    }

    /// Reads what matters. The error says what is wrong.
    pub(crate) fn read(bytes: &[u8]) -> Result<Elf, String> {
        if !Elf::is(bytes) {
            return Err("not an ELF file".to_owned());
        }
        let other = "an ELF file of another machine than x86-64";
        let header = Header::parse(bytes).map_err(|_| other.to_owned())?;
        let endian = header.endian().map_err(|_| other.to_owned())?;
        if header.e_machine.get(endian) != MACHINE {
            return Err(other.to_owned());
        }
        let form = match header.e_type.get(endian) {
            elf::ET_EXEC | elf::ET_DYN => Form::Program,
            elf::ET_REL => Form::Module,
            _ => return Err("an ELF file that is neither a program nor a module".to_owned()),
        };
        let mut read = Elf {
            form,
            ..Elf::default()
        };
        read.fill(header, endian, bytes)
            .map_err(|error| format!("a damaged ELF file: {error}"))?;
        Ok(read)
    }

    fn fill(
        &mut self,
        header: &Header,
        endian: object::LittleEndian,
        bytes: &[u8],
    ) -> Result<(), object::read::Error> {
        let mut is_dynamic = false;
        for program in header.program_headers(endian, bytes)? {
            is_dynamic |= program.dynamic(endian, bytes)?.is_some();
            if let Some(path) = program.interpreter(endian, bytes)? {
                self.interpreter = Some(String::from_utf8_lossy(path).into_owned());
            }
        }
        if !is_dynamic {
            return Ok(());
        }
        let sections = header.sections(endian, bytes)?;
        if let Some((entries, strings)) = sections.dynamic(endian, bytes)? {
            let strings = sections.strings(endian, bytes, strings)?;
            for entry in entries {
                if entry.tag32(endian) == Some(elf::DT_NEEDED) {
                    self.needed.push(words(entry.string(endian, strings)?));
                }
            }
        }
        if let Some((mut needs, strings)) = sections.gnu_verneed(endian, bytes)? {
            let strings = sections.strings(endian, bytes, strings)?;
            while let Some((need, mut versions)) = needs.next()? {
                let library = words(need.file(endian, strings)?);
                while let Some(version) = versions.next()? {
                    // A weak need is one that the program can do without.
                    if version.vna_flags.get(endian) & elf::VER_FLG_WEAK == 0 {
                        let name = words(version.name(endian, strings)?);
                        self.versions_needed.insert((library.clone(), name));
                    }
                }
            }
        }
        if let Some((mut definitions, strings)) = sections.gnu_verdef(endian, bytes)? {
            let strings = sections.strings(endian, bytes, strings)?;
            while let Some((_, mut names)) = definitions.next()? {
                // The first name is its own; others are what it follows.
                if let Some(name) = names.next()? {
                    self.versions_defined
                        .insert(words(name.name(endian, strings)?));
                }
            }
        }
        Ok(())
    }

    /// Whether it starts without anything else.
    pub(crate) fn is_static(&self) -> bool {
        self.form == Form::Program && self.interpreter.is_none() && self.needed.is_empty()
    }
}

/// The `vermagic=` of a kernel module: the kernel release it is for, and some of its options.
pub(crate) fn module_magic(bytes: &[u8]) -> Option<String> {
    let header = Header::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, bytes).ok()?;
    let (_, section) = sections.section_by_name(endian, b".modinfo")?;
    let texts = section.data(endian, bytes).ok()?;
    let magic = texts
        .split(|byte| *byte == 0)
        .find_map(|text| text.strip_prefix(b"vermagic="))?;
    Some(words(magic))
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_program_is_told_apart() {
        let check = |bytes: &[u8], expected: &str| {
            assert_eq!(Elf::read(bytes), Err(expected.to_owned()));
        };
        let other = "an ELF file of another machine than x86-64";
        check(b"#!/bin/sh\n", "not an ELF file");
        check(b"", "not an ELF file");
        check(b"\x7fELF", other);
        let mut arm = vec![0; 64];
        arm[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0");
        check(&arm, other);
    }

    #[test]
    fn this_test_is_a_program_with_libraries() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let own = Elf::read(&bytes).unwrap();
        assert!(
            own.interpreter
                .as_deref()
                .is_some_and(|path| path.starts_with("/lib"))
        );
        assert!(
            own.needed.contains(&"libc.so.6".to_owned()),
            "{:?}",
            own.needed
        );
        assert!(
            own.versions_needed
                .iter()
                .any(|(library, _)| library == "libc.so.6")
        );
        assert!(!own.is_static());
        for length in (64..4096).step_by(61) {
            assert!(Elf::read(&bytes[..length]).is_err(), "{length}");
        }
    }
}
