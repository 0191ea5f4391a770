//! A colour as the terminal reports it, and how bright it is.

/// A colour in sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// Returns a colour of the 256 colours that has no index below 16: the user does not set those.
    pub fn of_index(index: u8) -> Option<Self> {
        let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
        match index {
            0..16 => None,
            16..232 => {
                let cube = index - 16;
                Some(Self(level(cube / 36), level(cube / 6 % 6), level(cube % 6)))
            }
            232.. => {
                let grey = 8 + 10 * (index - 232);
                Some(Self(grey, grey, grey))
            }
        }
    }

    /// Returns the relative luminance, from 0 to 1 (WCAG 2.2).
    pub fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let channel = f64::from(channel) / 255.0;
            if channel <= 0.040_45 {
                channel / 12.92
            } else {
                ((channel + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// Returns the contrast of two colours, from 1 to 21 (WCAG 2.2).
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// Reads a colour in the form of a terminal's reply: `rgb:RRRR/GGGG/BBBB`, with one to four digits each, also with
    /// `rgba:` and a fourth number.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers = text.strip_prefix("rgb:").or_else(|| text.strip_prefix("rgba:"))?;
        let mut channels = numbers.split('/').map(|digits| {
            let is_valid = (1..=4).contains(&digits.len());
            let value = is_valid.then(|| u32::from_str_radix(digits, 16).ok()).flatten()?;
            let max = (1_u32 << (4 * digits.len())) - 1;
            u8::try_from(value * 255 / max).ok()
        });
        let mut channel = || channels.next().flatten();
        Some(Self(channel()?, channel()?, channel()?))
    }

    /// Reads the background from `COLORFGBG`, which some terminals set: `15;0`, or `15;default;0`. Its number is one of
    /// the sixteen colours.
    pub fn of_colorfgbg(variable: &str) -> Option<Self> {
        match variable.rsplit_once(';')?.1.parse::<u8>().ok()? {
            0..=6 | 8 => Some(Self(0, 0, 0)),
            7 | 15 => Some(Self(255, 255, 255)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_reads_the_replies_of_terminals() {
        for (reply, expected) in [
            ("rgb:ffff/8080/0000", Some(Rgb(255, 128, 0))),
            ("rgb:ff/80/00", Some(Rgb(255, 128, 0))),
            ("rgb:f/8/0", Some(Rgb(255, 136, 0))),
            ("rgba:2e2e/3434/4040/ffff", Some(Rgb(0x2e, 0x34, 0x40))),
            ("rgb:ffff/8080", None),
            ("rgb:fffff/0/0", None),
            ("rgb:/0/0", None),
            ("#ff8000", None),
        ] {
            assert_eq!(Rgb::parse(reply), expected, "{reply}");
        }
    }

    #[test]
    fn colorfgbg_gives_the_background() {
        for (variable, expected) in [
            ("15;0", Some(Rgb(0, 0, 0))),
            ("0;default;15", Some(Rgb(255, 255, 255))),
            ("0;7", Some(Rgb(255, 255, 255))),
            ("15;default", None),
            ("15", None),
            ("", None),
        ] {
            assert_eq!(Rgb::of_colorfgbg(variable), expected, "{variable}");
        }
    }

    #[test]
    fn contrast_has_the_values_of_its_definition() {
        let black = Rgb(0, 0, 0);
        assert!((black.contrast(Rgb(255, 255, 255)) - 21.0).abs() < 1e-9);
        assert!((black.contrast(black) - 1.0).abs() < 1e-9);
        assert_eq!(Rgb::of_index(214), Some(Rgb(0xff, 0xaf, 0)));
        assert_eq!(Rgb::of_index(247), Some(Rgb(0x9e, 0x9e, 0x9e)));
    }
}
