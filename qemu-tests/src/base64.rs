//! Base64 (RFC 4648, section 4), as base64(1) prints it: how bytes come through a session of lines.

/// Decodes text; line breaks count for nothing. `None` where it is not base64.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3);
    for group in digits.chunks(4) {
        let padding = group.iter().filter(|&&digit| digit == b'=').count();
        if group.len() != 4 || padding > 2 {
            return None;
        }
        let mut bits = 0_u32;
        for (place, &digit) in group.iter().enumerate() {
            let value = if digit == b'=' && place >= 4 - padding {
                0
            } else {
                value(digit)?
            };
            bits = bits << 6 | u32::from(value);
        }
        let [_, decoded @ ..] = bits.to_be_bytes();
        bytes.extend(decoded.iter().take(3 - padding));
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes() {
        let check = |text: &str, expected: Option<&[u8]>| {
            assert_eq!(decode(text).as_deref(), expected, "{text}");
        };
        check("", Some(b""));
        check("Zg==", Some(b"f"));
        check("Zm8=", Some(b"fo"));
        check("Zm9v\nYmFy\n", Some(b"foobar"));
        check("+/8A", Some(&[0xfb, 0xff, 0x00]));
        check("Zg=", None);
        check("Z===", None);
        check("Z=g=", None);
        check("sh: not found", None);
    }
}
