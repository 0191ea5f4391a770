//! Parses and formats durations such as `90s` and `2h`.

use std::time::Duration;

/// The units, largest first, with their milliseconds.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Parses a duration such as `90s`, `30m`, `2h` or `500ms`. A number without a unit is in seconds.
pub fn duration(word: &str) -> Result<Duration, String> {
    let digits = word.find(|character: char| !character.is_ascii_digit()).unwrap_or(word.len());
    let (number, unit) = word.split_at(digits);
    let number: u64 =
        number.parse().map_err(|_| "use a duration such as 90s, 30m or 2h".to_owned())?;
    let unit = if unit.is_empty() { "s" } else { unit };
    let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err("it must end in ms, s, m or h".to_owned());
    };
    let milliseconds = number.checked_mul(*factor).ok_or_else(|| "it is too long".to_owned())?;
    Ok(Duration::from_millis(milliseconds))
}

/// Formats a duration for [`duration`], in the largest unit that is exact.
pub(crate) fn duration_word(duration: Duration) -> String {
    let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let exact = |(_, factor): &&(&str, u64)| milliseconds >= *factor && milliseconds % factor == 0;
    let (unit, factor) = UNITS.iter().find(exact).unwrap_or(&("s", 1000));
    format!("{}{unit}", milliseconds / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed_and_formatted() {
        for (word, expected) in [
            ("90s", Some((90_000, "90s"))),
            ("5", Some((5_000, "5s"))),
            ("30m", Some((1_800_000, "30m"))),
            ("60m", Some((3_600_000, "1h"))),
            ("2h", Some((7_200_000, "2h"))),
            ("250ms", Some((250, "250ms"))),
            ("0ms", Some((0, "0s"))),
            ("", None),
            ("h", None),
            ("1d", None),
            ("99999999999999999h", None),
        ] {
            let read = duration(word).ok().map(|read| (read.as_millis(), duration_word(read)));
            let read = read.as_ref().map(|(milliseconds, shown)| (*milliseconds, shown.as_str()));
            assert_eq!(read, expected, "{word}");
        }
    }
}
