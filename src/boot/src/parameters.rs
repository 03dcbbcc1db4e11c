//! Parameters of kernel modules on the kernel command line: `MODULE.PARAMETER=VALUE`.
//!
//! finit_module(2) does not look there, as it does for what is built in; modprobe(8) hands them on, and so must whoever loads modules
//! without it.

use crate::command_line::Words;

/// Hands each word of a command line that is for this module to `each`, without the module: `PARAMETER=VALUE`, with
/// quotes around it where a blank is in it. In a module's name `-` and `_` are the same.
pub fn parameters(command_line: &str, module: &str, each: &mut dyn FnMut(Quoted<'_>)) {
    for word in Words::new(command_line) {
        if word == "--" {
            return;
        }
        let (name, _) = word.split_once('=').unwrap_or((word, ""));
        let Some((of, _)) = name.split_once('.') else {
            continue;
        };
        if is_same(of, module)
            && let Some(word) = word.get(of.len().saturating_add(1)..)
        {
            each(Quoted(word));
        }
    }
}

/// A parameter as the kernel takes it (next_arg of `lib/cmdline.c`).
#[derive(Debug, Clone, Copy)]
pub struct Quoted<'a>(&'a str);

impl core::fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let is_bare = self.0.bytes().all(|byte| !byte.is_ascii_whitespace());
        let is_quoted = self.0.bytes().any(|byte| byte == b'"');
        let quote = if is_bare || is_quoted { "" } else { "\"" };
        f.write_str(quote)?;
        f.write_str(self.0)?;
        f.write_str(quote)
    }
}

fn is_same(one: &str, other: &str) -> bool {
    let plain = |byte| if byte == b'-' { b'_' } else { byte };
    one.bytes().map(plain).eq(other.bytes().map(plain))
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::String;

    use super::parameters;

    #[test]
    fn words_for_a_module_are_its_parameters() {
        let check = |line: &str, module: &str, expected: &str| {
            let mut found = String::new();
            parameters(line, module, &mut |word| {
                found += &format!("{word}|");
            });
            assert_eq!(found, expected, "{line}");
        };
        let line = "ro ramoops.mem_address=0x1e000000 ramoops.ecc=1 ram.x=1 ramoops.dump_oops";
        check(line, "ramoops", "mem_address=0x1e000000|ecc=1|dump_oops|");
        check(
            "efi-pstore.pstore_disable=N",
            "efi_pstore",
            "pstore_disable=N|",
        );
        check(
            "a.b=\"c d\" \"a.e=f g\" a.h=i",
            "a",
            "b=\"c d\"|\"e=f g\"|h=i|",
        );
        // What is behind `--` is init's; a value may have a dot.
        check("a=b.c ro=a.b x.a.b=1 -- a.b=1", "a", "");
        check("a.b.c=1", "a", "b.c=1|");
        check("a=1 .b=2", "a", "");
    }
}
