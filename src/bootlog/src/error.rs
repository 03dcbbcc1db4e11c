//! What can go wrong, said so that the reader knows what to do, and the exit codes.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// None of the usual files is there.
    #[error(
        "no record on this machine: looked for {looked_for}\n\
         Name one (bootlog show FILE), or pipe one in (bootlog show -)."
    )]
    NoRecord {
        /// The files.
        looked_for: String,
    },
    /// The file is not there.
    #[error("{}: no such file\nName a record; `bootlog --help` says where they are kept.", path.display())]
    Missing {
        /// Which.
        path: PathBuf,
    },
    /// The file may not be read.
    #[error("{}: no permission to read it\nRecords belong to root: try again with sudo.", path.display())]
    Permission {
        /// Which.
        path: PathBuf,
    },
    /// Reading failed.
    #[error("{}: cannot be read: {source}\nCheck the disk (dmesg), or read a copy of the record.", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Writing failed.
    #[error("standard output: {0}\nNothing is wrong with the record.")]
    Write(io::Error),
    /// The file is a directory.
    #[error("{}: is a directory without a record\nNot in it, nor in var/lib/preroot or run/preroot below it. Name a record.", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
    },
    /// A disk, and none with records.
    #[error("{}: is a disk without a partition called preroot-log\nMount its root, and name the directory.", path.display())]
    NoPartition {
        /// Which.
        path: PathBuf,
    },
    /// Too large to be a record.
    #[error("{}: larger than {limit}, so not a record\nName the record, or its partition.", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// The largest.
        limit: String,
    },
    /// The file is empty.
    #[error("{}: empty record: no boot was written to it yet\nBoot with preroot first; before root is mounted this boot is in /run/preroot/record.", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// The bytes are something else.
    #[error("{}: not a record: no frame in its {bytes} bytes\nName the record itself, as in /var/lib/preroot/record.", path.display())]
    NotARecord {
        /// Which.
        path: PathBuf,
        /// How many bytes were looked at.
        bytes: usize,
    },
    /// A later version wrote it.
    #[error("{}: written in format {version}, which this bootlog cannot read\nUse the bootlog of that machine's image.", path.display())]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// No script of that name has run.
    #[error(
        "no script {name} has run in that boot\n`bootlog blame` lists those that have; fsck, assembly and other are known too."
    )]
    NoScript {
        /// What was asked for.
        name: String,
    },
    /// No record below some directories.
    #[error(
        "{}: no record in there: {files} other files, {unreadable} not readable\nName directories that hold records or stores, one file a host.",
        looked_in.join(", ")
    )]
    NoFleet {
        /// The directories.
        looked_in: Vec<String>,
        /// Files that are something else.
        files: u64,
        /// Files and directories that could not be read.
        unreadable: u64,
    },
    /// Man pages and completions cannot be written.
    #[error("{}: cannot be written: {source}\nName a directory that you may write to.", path.display())]
    Generate {
        /// Where to.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file for programs is not written to a terminal.
    #[error(
        "Parquet is not for a terminal\nSend it to a file: bootlog export parquet > boots.parquet"
    )]
    Binary,
    /// Only tables take several records.
    #[error("a trace and metrics are of one boot\nName one record; jsonl and parquet take many.")]
    OneRecord,
    /// There is no such boot.
    #[error("{}: no boot {asked}: it has {there}, 0 is the latest\n`bootlog list` shows them.", path.display())]
    NoBoot {
        /// Which record.
        path: PathBuf,
        /// Which boot.
        asked: usize,
        /// How many there are.
        there: String,
    },
    /// The plan cannot be read.
    #[error("{}: cannot be read: {source}\nName the plan that the boot's image was baked from.", path.display())]
    Plan {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not a plan.
    #[error("{}: {why}\nName the plan itself, as `preroot freeze --output` wrote it.", path.display())]
    NotAPlan {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The boot was made with another plan.
    #[error("{}: not the plan of this boot\nThe boot's is {boots}, this one is {its}.", path.display())]
    OtherPlan {
        /// Which.
        path: PathBuf,
        /// Its SHA-256.
        its: String,
        /// The SHA-256 of the one that the boot was made with.
        boots: String,
    },
}

/// How bootlog ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It was shown.
    Fine = 0,
    /// The file is not a record, or has no such boot.
    Input = 1,
    /// `diff --exit-code`: the boot is worse than the one before.
    Worse = 2,
    /// There is no record on this machine.
    Unavailable = 69,
    /// The command line is wrong.
    Usage = 100,
    /// The system refused to read or write.
    System = 111,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

impl Error {
    /// The exit code for this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Error::NoRecord { .. } => Exit::Unavailable,
            Error::Binary | Error::OneRecord => Exit::Usage,
            Error::Permission { .. }
            | Error::Read { .. }
            | Error::Write(_)
            | Error::Generate { .. } => Exit::System,
            Error::Plan { source, .. } if source.kind() != io::ErrorKind::NotFound => Exit::System,
            Error::Missing { .. }
            | Error::Plan { .. }
            | Error::NotAPlan { .. }
            | Error::OtherPlan { .. }
            | Error::Directory { .. }
            | Error::NoPartition { .. }
            | Error::TooLarge { .. }
            | Error::Empty { .. }
            | Error::NotARecord { .. }
            | Error::Newer { .. }
            | Error::NoBoot { .. }
            | Error::NoFleet { .. }
            | Error::NoScript { .. } => Exit::Input,
        }
    }
}
