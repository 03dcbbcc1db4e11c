//! Another plan in an image that was baked: the order, deadlines, hosts or expectations of a boot change, and not one byte of a
//! program, a key or a module that was tested.

use std::path::PathBuf;

use preroot_payload::Payload;
use preroot_plan::Plan;

use crate::compress::Compression;
use crate::cpio::{Archive, Kind, Member};
use crate::demands;
use crate::digest::{self, DIGESTS_PATH};
use crate::elf::module_magic;
use crate::error::Error;
use crate::file::read_whole;
use crate::layout::PLAN_PATH;
use crate::list::{Listing, is_as_baked};
use crate::pack::PAYLOAD_PATH;

/// What is put together.
#[derive(Debug, Clone)]
pub struct Replan {
    /// The image.
    pub image: PathBuf,
    /// The plan that it is to have, or an image that has it.
    pub plan: PathBuf,
    /// How it is compressed; none: as it was.
    pub compression: Option<Compression>,
}

/// Makes the image. What stands in front of the archive with the plan, such as a machine's own key, stays there; what the new plan
/// has no use for, such as a module, stays too.
///
/// # Errors
/// All that is wrong: a file that cannot be read, an image that `preroot bake` has not made or that is not as it was baked, and
/// whatever the plan wants that is not in the image.
pub fn replan(recipe: &Replan) -> Result<Vec<u8>, Vec<Error>> {
    let one = |error| vec![error];
    let image = read_whole(&recipe.image).map_err(one)?;
    let plan_bytes = plan_of(recipe).map_err(one)?;
    let again = "bake the image anew: `preroot bake`";
    let wrong = |what: String| vec![Error::input(recipe.image.display(), what, again)];
    let listing = Listing::read(&image)
        .map_err(|error| wrong(format!("not an image that can be read: {error}")))?;
    let Some((part, members)) = listing.part_with_plan() else {
        return Err(wrong("has no plan".to_owned()));
    };
    match is_as_baked(members) {
        Some(true) => {}
        Some(false) => {
            return Err(wrong(
                "is not as it was baked: its digest is another".into(),
            ));
        }
        None => return Err(wrong("does not say its digest".to_owned())),
    }
    let plan = Plan::check(&plan_bytes).map_err(|error| {
        let remedy = "freeze it again: `preroot freeze`";
        vec![Error::input(
            recipe.plan.display(),
            error.to_string(),
            remedy,
        )]
    })?;
    let lacking = Lacking {
        recipe,
        listing: &listing,
        plan: &plan,
    };
    let errors = lacking.all();
    if !errors.is_empty() {
        return Err(errors);
    }
    let (before, after) = (&image[..part.place.start], &image[part.place.end..]);
    let compression = recipe.compression.unwrap_or(part.compression);
    if compression != Compression::None && after.iter().any(|byte| *byte != 0) {
        let what = "has another archive behind that with the plan, which can be the last alone where it is compressed";
        let remedy = "leave --compression out";
        return Err(vec![Error::input(recipe.image.display(), what, remedy)]);
    }
    let archive = with_plan(members, &plan_bytes).map_err(one)?;
    let packed = compression
        .compress(&archive.to_bytes())
        .map_err(|error| vec![Error::file("compress", &recipe.image, error)])?;
    Ok([before, &packed, after].concat())
}

/// The plan's bytes, not checked.
fn plan_of(recipe: &Replan) -> Result<Vec<u8>, Error> {
    let path = &recipe.plan;
    let bytes = read_whole(path)?;
    if !Listing::is_image(&bytes) {
        return Ok(bytes);
    }
    let wrong =
        |what: String| Error::input(path.display(), what, "name a plan, or an image with one");
    let listing = Listing::read(&bytes)
        .map_err(|error| wrong(format!("not an image that can be read: {error}")))?;
    let plan = listing.plan().map(<[u8]>::to_vec);
    plan.ok_or_else(|| wrong("has no plan".to_owned()))
}

/// The members with this plan, and with digests to match.
fn with_plan(members: &[Member], plan: &[u8]) -> Result<Archive, Error> {
    let mut members = members.to_vec();
    replace(&mut members, PLAN_PATH, plan);
    let digests = digest::text(&digest::of_bytes(plan), &digest::of_members(&members));
    replace(&mut members, DIGESTS_PATH, digests.as_bytes());
    Ok(Archive::new(members)?)
}

fn replace(members: &mut [Member], path: &str, bytes: &[u8]) {
    for member in members.iter_mut().filter(|member| member.path == path) {
        member.kind = Kind::File(bytes.to_vec());
    }
}

/// What a plan wants, and an image does not have.
struct Lacking<'a> {
    recipe: &'a Replan,
    listing: &'a Listing,
    plan: &'a Plan<'a>,
}

impl Lacking<'_> {
    fn all(&self) -> Vec<Error> {
        let modules = self.plan.modules().iter();
        let modules = modules.filter_map(|module| {
            let (name, path) = (self.plan.text(module.name), self.plan.text(module.path));
            self.module(name, path)
        });
        let client = demands::asking(self.plan)
            .filter(|_| !self.has(demands::DHCP_CLIENT))
            .map(|who| demands::no_client(&self.recipe.plan, &who));
        let programs = demands::assembling(self.plan);
        let programs = programs.iter().filter_map(|path| self.program(path));
        modules.chain(client).chain(programs).collect()
    }

    fn has(&self, path: &str) -> bool {
        let path = path.trim_start_matches('/');
        let mut members = self.listing.members().iter();
        members.any(|member| member.path == path)
    }

    fn missing(&self, what: String) -> Error {
        let remedy = "bake an image from this plan: `preroot bake`";
        Error::input(self.recipe.image.display(), what, remedy)
    }

    fn module(&self, name: &str, path: &str) -> Option<Error> {
        let release = self.plan.text(self.plan.settings().kernel);
        let Some(bytes) = self.listing.file(path.trim_start_matches('/')) else {
            return Some(
                self.missing(format!("has no kernel module {name}, which the plan names")),
            );
        };
        let magic = module_magic(bytes).unwrap_or_default();
        let is_for = magic.split(' ').next().unwrap_or_default();
        (is_for != release).then(|| {
            let what =
                format!("its module {name} is for kernel \"{is_for}\", the plan for {release}");
            self.missing(what)
        })
    }

    fn program(&self, path: &str) -> Option<Error> {
        if self.has(path) {
            return None;
        }
        let packed = self.listing.file(PAYLOAD_PATH);
        let packed = packed.and_then(|bytes| Payload::check(bytes).ok());
        let is_it = |entry_path: &str| entry_path == path.trim_start_matches('/');
        let is_asleep =
            packed.is_some_and(|packed| packed.entries().any(|entry| is_it(entry.path)));
        Some(match is_asleep {
            true => demands::asleep(&self.recipe.plan, path),
            false => self.missing(format!(
                "has no program {path}, which the plan runs to assemble the root"
            )),
        })
    }
}
