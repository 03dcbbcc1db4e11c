//! Shell patterns as modules.alias has them: `*`, `?`, `[0-9a]`, `[!x]` (fnmatch(3) without flags).

/// Whether `text` fits `pattern`.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut star) = ((0, 0), None);
    loop {
        match pattern.get(at.0) {
            Some(b'*') => {
                star = Some(at);
                at.0 += 1;
                continue;
            }
            None if at.1 == text.len() => return true,
            Some(_) if at.1 < text.len() => {
                if let Some(next) = one(pattern, at.0, text.get(at.1).copied().unwrap_or(0)) {
                    at = (next, at.1 + 1);
                    continue;
                }
            }
            _ => {}
        }
        // The last star takes one more byte, and we try again from behind it.
        let Some((pattern_at, text_at)) = star.filter(|star| star.1 < text.len()) else {
            return false;
        };
        star = Some((pattern_at, text_at + 1));
        at = (pattern_at + 1, text_at + 1);
    }
}

/// Where the pattern goes on if the element at `at` takes `byte`.
fn one(pattern: &[u8], at: usize, byte: u8) -> Option<usize> {
    match pattern.get(at)? {
        b'?' => Some(at + 1),
        b'[' => set(pattern, at, byte),
        &literal => (literal == byte).then_some(at + 1),
    }
}

/// `[...]`: bytes and ranges; `!` or `^` in front turns it round. Without its end it is a literal `[`.
fn set(pattern: &[u8], at: usize, byte: u8) -> Option<usize> {
    let mut next = at + 1;
    let negated = matches!(pattern.get(next), Some(b'!' | b'^'));
    next += usize::from(negated);
    let first = next;
    let mut found = false;
    loop {
        match pattern.get(next) {
            None => return (byte == b'[').then_some(at + 1),
            Some(b']') if next > first => break,
            Some(&low) => {
                let high = match (pattern.get(next + 1), pattern.get(next + 2)) {
                    (Some(b'-'), Some(&high)) if high != b']' => {
                        next += 2;
                        high
                    }
                    _ => low,
                };
                found |= (low..=high).contains(&byte);
                next += 1;
            }
        }
    }
    (found != negated).then_some(next + 1)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_as_fnmatch_does() {
        let cases = [
            ("virtio:d00000001v*", "virtio:d00000001v00001AF4", true),
            ("virtio:d00000001v*", "virtio:d00000002v00001AF4", false),
            (
                "pci:v00001AF4d*sv*sd*bc*sc*i*",
                "pci:v00001AF4d00001041sv00001AF4sd0bc02sc00i00",
                true,
            ),
            (
                "pci:v*d*sv*sd*bc01sc08i02*",
                "pci:v00001B36d00000010sv0sd0bc01sc08i02",
                true,
            ),
            (
                "pci:v*d*sv*sd*bc01sc08i02*",
                "pci:v00001B36d00000010sv0sd0bc01sc06i01",
                false,
            ),
            ("a[0-9]c", "a5c", true),
            ("a[!0-9]c", "a5c", false),
            ("a[]x]c", "a]c", true),
            ("a[b", "a[b", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*b*c", "axxbyybzc", true),
            ("a*b*c", "axxbyybz", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
