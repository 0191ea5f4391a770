//! Decodes standard base64, with or without padding.

/// Returns the value of a digit.
fn value(digit: u8) -> Option<u32> {
    Some(u32::from(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

/// Decodes `text`. Returns `None` if it is not base64.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let is_padded = padding == 0 || padding <= 2 && text.len().is_multiple_of(4);
    if !is_padded || digits.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.as_bytes().chunks(4) {
        let mut number = 0;
        for place in 0..4 {
            let digit = group.get(place).map_or(Some(0), |digit| value(*digit))?;
            number = number << 6 | digit;
        }
        let [_, first, second, third] = number.to_be_bytes();
        bytes.extend([first, second, third].iter().take(group.len() - 1));
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded_with_or_without_padding() {
        for (text, expected) in [
            ("", Some("")),
            ("SGk=", Some("Hi")),
            ("SGk", Some("Hi")),
            ("SQ==", Some("I")),
            ("SSBhbQ", Some("I am")),
            ("S", None),
            ("SQ=", None),
            ("S=Q=", None),
            ("SGk==", None),
            ("SG k", None),
        ] {
            let decoded = decode(text).map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(decoded.as_deref(), expected, "{text}");
        }
    }
}
