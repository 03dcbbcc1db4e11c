//! TOML laid over a config, and what of it is frozen into a plan.

use toml::{Table, Value};

/// What of `[rescue]` is baked into an image, and not frozen into its plan.
const BAKED: [&str; 9] = [
    "authorized-keys",
    "host-certificate",
    "host-key",
    "listen",
    "make-host-key",
    "principals",
    "revoked-keys",
    "sshd",
    "user-ca",
];

/// TOML laid over a config: tables go into tables, and anything else, lists too, in the place of what stood there.
#[derive(Debug)]
pub(crate) struct Overlay(Table);

impl Overlay {
    /// One.
    ///
    /// # Errors
    /// When it is not TOML: where and why.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let table = text.parse::<Table>();
        table.map(Self).map_err(|error| error.to_string())
    }

    /// Whether all that it says is frozen into a plan, and nothing of it baked into an image.
    pub(crate) fn is_of_plan(&self) -> bool {
        let rescue = self.0.get("rescue").and_then(Value::as_table);
        let mut rescue = rescue.into_iter().flat_map(Table::keys);
        !self.0.contains_key("image") && !rescue.any(|key| BAKED.contains(&key.as_str()))
    }

    /// Whether it has a host table.
    pub(crate) fn has_hosts(&self) -> bool {
        self.0.contains_key("host") || self.0.contains_key("hosts")
    }

    /// Lays it over this.
    pub(crate) fn lay(self, base: &mut Table) {
        lay(self.0, base);
    }
}

fn lay(over: Table, base: &mut Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(base)), Value::Table(over)) => lay(over, base),
            (_, value) => drop(base.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    #[test]
    fn what_is_laid_over_a_config() {
        let check = |base: &str, over: &str, expected: &str| {
            let mut table = base.parse::<Table>().unwrap();
            Overlay::parse(over).unwrap().lay(&mut table);
            assert_eq!(table, expected.parse::<Table>().unwrap(), "{over}");
        };
        let base = "a = 1\n[t]\nb = [1, 2]\nc = 3\n[[h]]\nd = 4\n[[h]]\nd = 5\n";
        check(base, "", base);
        check(
            base,
            "t.b = [9]\n[[h]]\ne = 6\n[u]\nf = 7",
            "a = 1\n[t]\nb = [9]\nc = 3\n[[h]]\ne = 6\n[u]\nf = 7",
        );
        check("[a]\nb = 1", "a = 2", "a = 2");
        check("a = 2", "[a]\nb = 1", "[a]\nb = 1");
        assert!(Overlay::parse("[").unwrap_err().contains("line 1"));
    }

    #[test]
    fn what_is_frozen_into_a_plan() {
        let check = |over: &str, expected: bool| {
            assert_eq!(
                Overlay::parse(over).unwrap().is_of_plan(),
                expected,
                "{over}"
            );
        };
        check("", true);
        check(
            "order.policy = \"edges\"\n[hardware]\nmemory = \"1GiB\"",
            true,
        );
        check("rescue.port = 22\nmodules.always = [\"x\"]", true);
        check("rescue.sshd = \"openssh\"", false);
        check("[image]", false);
    }
}
