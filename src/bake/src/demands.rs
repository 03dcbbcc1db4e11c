//! What a plan asks of the image that it is in, beside modules: the client that asks for addresses, the programs that
//! assemble the root.

use std::collections::BTreeSet;
use std::path::Path;

use preroot_plan::{Assembly, Dhcp, Host, Plan};

use crate::error::Error;

/// What asks for addresses: busybox, by this name (`init/src/roles/wire.rs`).
pub(crate) const DHCP_CLIENT: &str = "bin/sh";

/// The first host that asks for its address.
pub(crate) fn asking(plan: &Plan<'_>) -> Option<String> {
    let asks = |host: &&Host| {
        let mut interfaces = plan.interfaces_of(host).iter();
        interfaces.any(|interface| interface.dhcp() == Dhcp::V4)
    };
    let host = plan.hosts().iter().find(asks)?;
    Some(match plan.text(host.hostname) {
        "" => "a host without a hostname".to_owned(),
        name => format!("host {name}"),
    })
}

/// The programs that a plan has run to assemble the root, each once.
pub(crate) fn assembling(plan: &Plan<'_>) -> BTreeSet<String> {
    let programs = plan.assemblies().iter();
    let programs = programs.flat_map(|step| [step.run, step.late, step.undo]);
    let path = |text| Assembly::words(plan.text(text)).next();
    programs
        .filter_map(path)
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Nothing in the image can ask for `who`'s address.
pub(crate) fn no_client(plan: &Path, who: &str) -> Error {
    let what = format!(
        "{who} asks for its address by DHCP, and the image has no busybox, whose udhcpc does that"
    );
    let remedy =
        "add \"busybox\" to image.tools, or take dhcp out of the host table and freeze again";
    Error::input(plan.display(), what, remedy)
}

/// A program is not there when the plan runs it.
pub(crate) fn asleep(plan: &Path, program: &str) -> Error {
    let what = format!("the plan runs {program}, which is packed until a shell is started");
    let remedy = "run it by [\"/bin/sh\", \"-c\", ...] in [[root.assemble]]";
    Error::input(plan.display(), what, remedy)
}
