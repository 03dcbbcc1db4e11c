//! `preroot bake`: makes an image of a plan, PID 1, tools and kernel modules, or lists one.
//!
//! Nothing is written when anything is refused.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use preroot_bake::{
    Backend, Compression, ExtraFile, HostKeys, Image, Listing, Packing, Recipe, Rescue, Tool,
    write_whole,
};
use preroot_freeze::config::Sshd;
use preroot_freeze::{Config, Messages};
use preroot_plan::Plan;

use crate::exit::Failure;

/// Bakes a plan into an initramfs image, or lists what is in one and why.
///
/// Tools and libraries are looked for in the given packages, then in the root tree, then on this
/// host. The same input gives the same bytes.
#[derive(Args)]
pub(crate) struct Bake {
    /// List this image instead: what is in it, how large, and why
    #[arg(long, value_name = "IMAGE", exclusive = true)]
    list: Option<PathBuf>,

    /// The config that the plan was frozen from
    #[arg(long, value_name = "FILE", required_unless_present = "list")]
    config: Option<PathBuf>,

    /// The plan
    #[arg(long, value_name = "PLAN", required_unless_present = "list")]
    plan: Option<PathBuf>,

    /// The root tree: its kernel's modules
    #[arg(long, value_name = "DIR", required_unless_present = "list")]
    root: Option<PathBuf>,

    /// PID 1: the static program preroot-init
    #[arg(long, value_name = "FILE", required_unless_present = "list")]
    init: Option<PathBuf>,

    /// Its helpers: the static program preroot-helper, instead of the one beside preroot-init
    #[arg(long, value_name = "FILE")]
    helper: Option<PathBuf>,

    /// A Debian package to take tools and libraries from; may be given again
    #[arg(long = "package", value_name = "DEB")]
    packages: Vec<PathBuf>,

    /// The static program bootlog
    #[arg(long, value_name = "FILE")]
    bootlog: Option<PathBuf>,

    /// Public keys that may log in to the rescue sshd, instead of the config's
    #[arg(long, value_name = "FILE")]
    authorized_keys: Option<PathBuf>,

    /// The rescue sshd's host key in its back end's format, instead of the config's
    #[arg(long, value_name = "FILE")]
    host_key: Option<PathBuf>,

    /// What a CA says about that key, instead of the config's
    #[arg(long, value_name = "FILE")]
    host_certificate: Option<PathBuf>,

    /// zstd, gzip, lz4 or none, instead of the config's
    #[arg(long, value_name = "NAME", value_parser = compression)]
    compression: Option<Compression>,

    /// plain or packed: whether tools that a clean boot does not need are unpacked by the kernel at
    /// every boot, or by PID 1 when one of them is wanted
    #[arg(long, value_name = "FORM", value_parser = packing, default_value = "packed")]
    tools: Packing,

    /// An image that was baked before: packed tools that are the same are taken from it as they are, which saves seconds
    #[arg(long, value_name = "IMAGE")]
    packed_in: Option<PathBuf>,

    /// Where the image goes
    #[arg(long, value_name = "IMAGE", required_unless_present = "list")]
    output: Option<PathBuf>,

    /// Where the listing goes; - is standard output
    #[arg(long, value_name = "FILE")]
    listing: Option<PathBuf>,
}

impl Bake {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        if let Some(path) = &self.list {
            return list(path);
        }
        // clap has seen that these are there.
        let (Some(config_path), Some(plan), Some(root), Some(init), Some(output)) = (
            &self.config,
            &self.plan,
            &self.root,
            &self.init,
            &self.output,
        ) else {
            return Err(Failure::wrong_input("say what to bake, see --help"));
        };
        let config = read_config(config_path)?;
        let recipe = Recipe {
            plan: plan.clone(),
            root: root.clone(),
            init: init.clone(),
            helper: match &self.helper {
                Some(helper) => helper.clone(),
                None => init.with_file_name("preroot-helper"),
            },
            packages: self.packages.clone(),
            host: PathBuf::from("/"),
            bootlog: self.bootlog.clone(),
            rescue: self.rescue(&config),
            compression: match self.compression {
                Some(compression) => compression,
                None => named_compression(config_path, &config)?,
            },
            tools: tools(config_path, &config)?,
            packing: self.tools,
            packed_in: self.packed_in.clone(),
            files: files(config_path, &config)?,
        };
        let image = preroot_bake::bake(&recipe).map_err(|errors| refused(&errors))?;
        check_name(plan, config_path, &config)?;
        self.write(output, &image)
    }

    fn rescue(&self, config: &Config) -> Rescue {
        let asked = &config.rescue;
        let first = |given: &Option<PathBuf>, named: &Option<PathBuf>| {
            given.clone().or_else(|| named.clone())
        };
        Rescue {
            backend: match asked.sshd {
                Sshd::Dropbear => Backend::Dropbear,
                Sshd::Openssh => Backend::Openssh,
            },
            listen: asked.listen.clone(),
            authorized_keys: first(&self.authorized_keys, &asked.authorized_keys),
            host_key: first(&self.host_key, &asked.host_key),
            host_keys: match asked.make_host_key {
                true => HostKeys::Made,
                false => HostKeys::Given,
            },
            host_certificate: first(&self.host_certificate, &asked.host_certificate),
            user_ca: asked.user_ca.clone(),
            principals: asked.principals.clone(),
            revoked_keys: asked.revoked_keys.clone(),
        }
    }

    fn write(&self, output: &Path, image: &Image) -> Result<(), Failure> {
        let system = |error| Failure::system(output, error);
        write_whole(output, &image.bytes).map_err(system)?;
        match self.listing.as_deref() {
            Some(path) if path == Path::new("-") => show(&image.listing)?,
            Some(path) => {
                let text = image.listing.to_string();
                write_whole(path, text.as_bytes()).map_err(|error| Failure::system(path, error))?;
            }
            None => {}
        }
        Ok(())
    }
}

pub(crate) fn compression(name: &str) -> Result<Compression, String> {
    Compression::from_name(name).ok_or_else(|| "one of zstd, gzip, lz4, none".to_owned())
}

fn packing(name: &str) -> Result<Packing, String> {
    match name {
        "plain" => Ok(Packing::Plain),
        "packed" => Ok(Packing::Packed),
        _ => Err("one of plain, packed".to_owned()),
    }
}

fn list(path: &Path) -> Result<(), Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::system(path, error))?;
    let listing = Listing::read(&bytes).map_err(|error| {
        Failure::wrong_input(format!(
            "{}: not an image that can be read: {error}",
            path.display()
        ))
    })?;
    show(&listing)
}

/// Prints a listing. A reader that goes away early has seen what it wanted.
fn show(listing: &Listing) -> Result<(), Failure> {
    match write!(std::io::stdout().lock(), "{listing}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::system(Path::new("standard output"), error))
        }
        _ => Ok(()),
    }
}

fn read_config(path: &Path) -> Result<Config, Failure> {
    let mut messages = Messages::default();
    let config = Config::read(path, &mut messages);
    for message in messages.into_list() {
        eprintln!("{message}");
    }
    config.ok_or_else(|| Failure::wrong_input("refused: no image is written"))
}

/// All that is wrong, a line each. The system's failures say so by the exit code.
pub(crate) fn refused(errors: &[preroot_bake::Error]) -> Failure {
    let lines: Vec<String> = errors
        .iter()
        .map(|error| format!("error: {error}"))
        .collect();
    let text = format!("{}\nrefused: no image is written", lines.join("\n"));
    if errors.iter().any(preroot_bake::Error::is_system) {
        Failure::system_text(text)
    } else {
        Failure::wrong_input(text)
    }
}

fn named_compression(path: &Path, config: &Config) -> Result<Compression, Failure> {
    let name = &config.image.compression;
    Compression::from_name(name)
        .ok_or_else(|| in_config(path, name, "is no compression; use zstd, gzip, lz4 or none"))
}

fn tools(path: &Path, config: &Config) -> Result<Vec<Tool>, Failure> {
    let known = Tool::ALL.map(Tool::name).join(", ");
    let tool = |name: &String| {
        let what = format!("is no tool; the tools are {known}, other files go to [[image.file]]");
        let tool = Tool::from_name(name).ok_or_else(|| in_config(path, name, &what))?;
        // Either name in the list asks for an sshd; [rescue] says for which.
        Ok(match (tool, config.rescue.sshd) {
            (Tool::Dropbear, Sshd::Openssh) => Tool::Sshd,
            (Tool::Sshd, Sshd::Dropbear) => Tool::Dropbear,
            (tool, _) => tool,
        })
    };
    config.image.tools.iter().map(tool).collect()
}

fn files(path: &Path, config: &Config) -> Result<Vec<ExtraFile>, Failure> {
    let file = |file: &preroot_freeze::config::ImageFile| {
        let permissions = u16::try_from(file.mode).ok().filter(|mode| *mode <= 0o7777);
        let permissions = permissions
            .ok_or_else(|| in_config(path, &file.path, "has a mode beyond 7777 (octal)"))?;
        Ok(ExtraFile {
            path: file.path.clone(),
            source: file.source.clone(),
            permissions,
        })
    };
    config.image.files.iter().map(file).collect()
}

/// A plan of another config is told here, where both names are at hand.
fn check_name(plan_path: &Path, config_path: &Path, config: &Config) -> Result<(), Failure> {
    let bytes = std::fs::read(plan_path).map_err(|error| Failure::system(plan_path, error))?;
    let plan = Plan::check(&bytes).map_err(Failure::wrong_input)?;
    let name = plan.text(plan.settings().name);
    if name == config.name {
        return Ok(());
    }
    Err(Failure::wrong_input(format!(
        "error: {}: frozen from config \"{name}\", not from \"{}\" ({}); freeze it again\n\
         refused: no image is written",
        plan_path.display(),
        config.name,
        config_path.display(),
    )))
}

/// A message about a value of the config, with the line where it stands.
fn in_config(path: &Path, value: &str, what: &str) -> Failure {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let quoted = format!("\"{value}\"");
    let line = text
        .lines()
        .position(|line| line.contains(&quoted))
        .map_or(0, |at| at + 1);
    Failure::wrong_input(format!(
        "{}:{line}: error: \"{value}\" {what}\nrefused: no image is written",
        path.display()
    ))
}
