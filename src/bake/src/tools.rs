//! Tools of an image, each with all it needs to start: its loader, its libraries, its links.

use std::collections::BTreeMap;
use std::path::Path;

use memchr::memmem;

use crate::elf::Elf;
use crate::error::Error;
use crate::file::read_whole;
use crate::layout::Layout;
use crate::sources::{Origin, Sources};

/// Links to busybox, one a line.
const APPLETS: &str = include_str!("../../../initramfs/applets.txt");

/// A library that ends threads of its own (it opens keys with several at once)...
const THREADS: &str = "libargon2.so.1";
/// ... and the one that the C library loads then, which no file names: pthread_exit(3) unwinds the stack.
const UNWINDER: &str = "libgcc_s.so.1";

/// What sshd executes for each connection: since OpenSSH 9.8 the first, since 10.0 the second too. One that does not
/// name them does it all itself.
const SSHD_PARTS: [&str; 2] = [
    "/usr/lib/openssh/sshd-session",
    "/usr/lib/openssh/sshd-auth",
];

/// A tool that an image can hold. They stand in the order in which a payload holds them: a check of
/// the root unpacks nothing but its checker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// Checks and repairs the root.
    E2fsck,
    /// The shell and what one types in it.
    Busybox,
    /// Shows the record.
    Bootlog,
    /// An ssh client, for a rescue that needs another machine.
    Dbclient,
    /// Serves files to sftp(1) and scp(1), where dropbear is the sshd.
    SftpServer,
    /// The other end of scp(1) in its old protocol: `scp -O`, and clients from before OpenSSH 9.
    Scp,
    /// The rescue sshd. Never packed: every boot starts it.
    Dropbear,
    /// OpenSSH's in its place, with what it consists of.
    Sshd,
}

/// How a tool is found and where it goes.
struct Facts {
    name: &'static str,
    /// Where it is looked for.
    paths: &'static [&'static str],
    /// Its path in the image.
    place: &'static str,
    /// The package that has it.
    package: &'static str,
    reason: &'static str,
    will_do: fn(&[u8]) -> bool,
}

impl Tool {
    /// All.
    pub const ALL: [Tool; 8] = [
        Tool::E2fsck,
        Tool::Busybox,
        Tool::Bootlog,
        Tool::Dbclient,
        Tool::SftpServer,
        Tool::Scp,
        Tool::Dropbear,
        Tool::Sshd,
    ];

    /// Its name in configs.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// The tool of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Tool> {
        Tool::ALL.into_iter().find(|tool| tool.name() == name)
    }

    fn facts(self) -> Facts {
        match self {
            Tool::Busybox => Facts {
                name: "busybox",
                paths: &["/bin/busybox"],
                place: "bin/busybox",
                package: "busybox-static",
                reason: "the rescue shell and its commands",
                will_do: is_static,
            },
            Tool::E2fsck => Facts {
                name: "e2fsck",
                paths: &["/sbin/e2fsck.static", "/sbin/e2fsck"],
                place: "sbin/e2fsck",
                package: "e2fsck-static",
                reason: "checks the root before it is mounted",
                will_do: is_static,
            },
            Tool::Dropbear => Facts {
                name: "dropbear",
                paths: &["/usr/sbin/dropbear"],
                place: "usr/sbin/dropbear",
                package: "dropbear-bin",
                reason: "the rescue sshd",
                will_do: Elf::is,
            },
            Tool::Sshd => Facts {
                name: "sshd",
                paths: &["/usr/sbin/sshd"],
                place: "usr/sbin/sshd",
                package: "openssh-server",
                reason: "the rescue sshd",
                will_do: Elf::is,
            },
            Tool::SftpServer => Facts {
                name: "sftp-server",
                paths: &["/usr/lib/openssh/sftp-server"],
                place: "usr/lib/openssh/sftp-server",
                package: "openssh-sftp-server",
                reason: "serves files to sftp and scp",
                will_do: Elf::is,
            },
            Tool::Scp => Facts {
                name: "scp",
                paths: &["/usr/bin/scp"],
                place: "usr/bin/scp",
                package: "openssh-client",
                reason: "copies files by scp's old protocol",
                will_do: Elf::is,
            },
            Tool::Dbclient => Facts {
                name: "dbclient",
                paths: &["/usr/bin/dbclient"],
                place: "usr/bin/dbclient",
                package: "dropbear-bin",
                reason: "ssh to other machines from the rescue shell",
                will_do: Elf::is,
            },
            Tool::Bootlog => Facts {
                name: "bootlog",
                paths: &[],
                place: "bin/bootlog",
                package: "",
                reason: "shows the record",
                will_do: is_static,
            },
        }
    }
}

/// Whether a program names a path.
fn names(program: &[u8], path: &str) -> bool {
    memmem::find(program, path.as_bytes()).is_some()
}

fn is_static(bytes: &[u8]) -> bool {
    Elf::read(bytes).is_ok_and(|elf| elf.is_static())
}

/// Puts programs into a layout, and each library once.
#[derive(Debug)]
pub(crate) struct Tools<'a> {
    sources: &'a Sources,
    /// What is there already, by soname: what it is and where from.
    libraries: BTreeMap<String, (Elf, Origin)>,
}

impl<'a> Tools<'a> {
    /// Programs and libraries out of these sources.
    pub(crate) fn new(sources: &'a Sources) -> Tools<'a> {
        Tools {
            sources,
            libraries: BTreeMap::new(),
        }
    }

    /// A tool from the sources.
    pub(crate) fn add(&mut self, tool: Tool, layout: &mut Layout) -> Result<(), Error> {
        let facts = tool.facts();
        let Some(found) = self.sources.find(facts.paths, facts.will_do)? else {
            return Err(Error::Missing {
                wanted: format!("tool {} ({})", facts.name, facts.paths.join(" or ")),
                searched: self.sources.searched(),
                remedy: format!(
                    "give its package with --package ({}), or take it out of image.tools",
                    facts.package
                ),
            });
        };
        let label = self.sources.words(found.origin);
        let place = format!("{} of {label}", found.path);
        let elf = Elf::read(&found.bytes).map_err(|what| {
            Error::input(&place, what, "give the package of this machine's kind")
        })?;
        self.needs_of(facts.name, &elf, found.origin, layout)?;
        let reason = format!("{}; from {label}", facts.reason);
        match tool {
            Tool::Dropbear => layout.file(facts.place, 0o755, found.bytes, &reason),
            Tool::Sshd => {
                let parts = SSHD_PARTS.iter().filter(|path| names(&found.bytes, path));
                let parts: Vec<&str> = parts.copied().collect();
                layout.file(facts.place, 0o755, found.bytes, &reason);
                for path in parts {
                    let remedy = "give its package with --package (openssh-server)";
                    self.add_part(path, "a part of sshd", remedy, layout)?;
                }
            }
            Tool::SftpServer => {
                layout.file(facts.place, 0o755, found.bytes, &reason);
                let reason = "where Debian's dropbear looks for it";
                layout.symlink("usr/lib/sftp-server", "openssh/sftp-server", reason);
            }
            // With libraries, which are not packed either.
            Tool::Scp => layout.file(facts.place, 0o755, found.bytes, &reason),
            Tool::Busybox => {
                let applets = applets(&found.bytes, &place)?;
                layout.tool(facts.place, found.bytes, &reason);
                for applet in applets {
                    layout.tool_link(&format!("bin/{applet}"), "busybox", "an applet of busybox");
                }
            }
            _ => layout.tool(facts.place, found.bytes, &reason),
        }
        Ok(())
    }

    /// What makes a host key that is missing, by the name of its program.
    pub(crate) fn add_key_maker(&mut self, name: &str, layout: &mut Layout) -> Result<(), Error> {
        let (reason, remedy) = (
            "makes the host key that the image does not have",
            "give its package with --package (dropbear-bin, openssh-client), or name a host key",
        );
        self.add_part(&format!("/usr/bin/{name}"), reason, remedy, layout)
    }

    /// A program at one path, never packed.
    fn add_part(
        &mut self,
        path: &str,
        reason: &str,
        remedy: &str,
        layout: &mut Layout,
    ) -> Result<(), Error> {
        let Some(found) = self.sources.find(&[path], Elf::is)? else {
            return Err(Error::Missing {
                wanted: format!("program {path}, {reason}"),
                searched: self.sources.searched(),
                remedy: remedy.to_owned(),
            });
        };
        let label = self.sources.words(found.origin);
        let elf = Elf::read(&found.bytes).map_err(|what| {
            let place = format!("{} of {label}", found.path);
            Error::input(place, what, "give the package of this machine's kind")
        })?;
        self.needs_of(path, &elf, found.origin, layout)?;
        layout.file(path, 0o755, found.bytes, &format!("{reason}; from {label}"));
        Ok(())
    }

    /// A program that the plan has run at every boot, by its path; never packed.
    pub(crate) fn add_program(&mut self, path: &str, layout: &mut Layout) -> Result<(), Error> {
        let Some(found) = self.sources.find(&[path], Elf::is)? else {
            return Err(Error::Missing {
                wanted: format!("program {path}, which the plan runs to assemble the root"),
                searched: self.sources.searched(),
                remedy: format!(
                    "give the package that has it with --package, name a file of your own as {path} in \
                     [[image.file]], or take it out of [[root.assemble]] and freeze again"
                ),
            });
        };
        let label = self.sources.words(found.origin);
        let elf = Elf::read(&found.bytes).map_err(|what| {
            let place = format!("{} of {label}", found.path);
            Error::input(place, what, "give the package of this machine's kind")
        })?;
        self.needs_of(path, &elf, found.origin, layout)?;
        if self.libraries.contains_key(THREADS) && !self.libraries.contains_key(UNWINDER) {
            self.add_library(path, UNWINDER, found.origin, layout)?;
        }
        let reason = format!("assembles what the root lies on, by the plan; from {label}");
        layout.file(path, 0o755, found.bytes, &reason);
        Ok(())
    }

    /// The reader of records, which is given as a file.
    pub(crate) fn add_bootlog(&mut self, path: &Path, layout: &mut Layout) -> Result<(), Error> {
        let facts = Tool::Bootlog.facts();
        let bytes = read_whole(path)?;
        check_static(
            path,
            &bytes,
            "bootlog",
            "build it with RUSTFLAGS='-C target-feature=+crt-static' and --target",
        )?;
        layout.tool(facts.place, bytes, facts.reason);
        Ok(())
    }

    /// What a program or library needs to start, and what those need.
    pub(crate) fn needs_of(
        &mut self,
        tool: &str,
        elf: &Elf,
        origin: Origin,
        layout: &mut Layout,
    ) -> Result<(), Error> {
        if let Some(interpreter) = &elf.interpreter {
            self.add_loader(tool, interpreter, origin, layout)?;
        }
        let mut waiting = vec![(elf.clone(), origin)];
        while let Some((elf, origin)) = waiting.pop() {
            for soname in &elf.needed {
                if !self.libraries.contains_key(soname) {
                    waiting.push(self.add_library(tool, soname, origin, layout)?);
                }
            }
            self.check_versions(tool, &elf)?;
        }
        Ok(())
    }

    fn add_loader(
        &mut self,
        tool: &str,
        path: &str,
        origin: Origin,
        layout: &mut Layout,
    ) -> Result<(), Error> {
        let soname = path.rsplit('/').next().unwrap_or(path);
        if self.libraries.contains_key(soname) {
            return Ok(());
        }
        let found = self.sources.find_near(path, origin)?;
        let Some(found) = found else {
            return Err(self.missing_library(tool, path));
        };
        self.place_library(tool, soname, path, found.bytes, found.origin, layout)
            .map(drop)
    }

    fn add_library(
        &mut self,
        tool: &str,
        soname: &str,
        origin: Origin,
        layout: &mut Layout,
    ) -> Result<(Elf, Origin), Error> {
        let Some(found) = self.sources.find_library(soname, origin)? else {
            return Err(self.missing_library(tool, soname));
        };
        self.place_library(tool, soname, &found.path, found.bytes, found.origin, layout)
    }

    fn place_library(
        &mut self,
        tool: &str,
        soname: &str,
        path: &str,
        bytes: Vec<u8>,
        origin: Origin,
        layout: &mut Layout,
    ) -> Result<(Elf, Origin), Error> {
        let label = self.sources.words(origin);
        let elf = Elf::read(&bytes).map_err(|what| {
            Error::input(
                format!("{path} of {label}"),
                what,
                "install its package again",
            )
        })?;
        layout.file(
            path,
            0o755,
            bytes,
            &format!("library of {tool}; from {label}"),
        );
        self.libraries
            .insert(soname.to_owned(), (elf.clone(), origin));
        Ok((elf, origin))
    }

    fn missing_library(&self, tool: &str, library: &str) -> Error {
        Error::Missing {
            wanted: format!("library {library}, which tool {tool} needs"),
            searched: self.sources.searched(),
            remedy: "give the package that has it with --package".to_owned(),
        }
    }

    /// A library of another release than its user starts as badly as one that is not there.
    fn check_versions(&self, tool: &str, elf: &Elf) -> Result<(), Error> {
        for (soname, version) in &elf.versions_needed {
            let Some((library, origin)) = self.libraries.get(soname) else {
                continue;
            };
            if !library.versions_defined.contains(version) {
                return Err(Error::input(
                    format!("{soname} of {}", self.sources.words(*origin)),
                    format!("tool {tool} needs {version} of it, which it does not have"),
                    "give tool and libraries of one Debian release with --package",
                ));
            }
        }
        Ok(())
    }
}

/// Refuses a program that needs anything to start.
pub(crate) fn check_static(
    path: &Path,
    bytes: &[u8],
    what: &str,
    remedy: &str,
) -> Result<(), Error> {
    let elf = Elf::read(bytes).map_err(|wrong| Error::input(path.display(), wrong, remedy))?;
    if elf.is_static() {
        return Ok(());
    }
    Err(Error::input(
        path.display(),
        format!("{what} must be a static program"),
        remedy,
    ))
}

/// The names that busybox is to be called by; it must have each of them.
fn applets(busybox: &[u8], place: &str) -> Result<Vec<&'static str>, Error> {
    let missing = |applet: &&str| !has_word(busybox, applet);
    if let Some(applet) = APPLETS.lines().find(missing) {
        let remedy = "give busybox-static with --package";
        return Err(Error::input(
            place,
            format!("has no applet {applet}"),
            remedy,
        ));
    }
    Ok(APPLETS.lines().collect())
}

/// Whether a word stands in a program's table of names: between two NULs.
fn has_word(bytes: &[u8], word: &str) -> bool {
    let wanted = [b"\0", word.as_bytes(), b"\0"].concat();
    memmem::find(bytes, &wanted).is_some()
}
