//! The contrast of the counts on the status lines that users have, computed for common palettes.

use super::style::{coloured, uncoloured};
use crewboard_board::colour::Rgb;
use crewboard_board::theme::{TERMINAL, Theme};
use crewboard_core::Counts;

/// The least contrast of text (WCAG 2.2, level AA).
const LEGIBLE: f64 = 4.5;

/// Colours 0, 2, 7, 8 and 15 of a terminal: black, green, white, bright black and bright white.
type Palette = (&'static str, [Rgb; 5]);

const PALETTES: [Palette; 5] = [
    ("xterm", [rgb(0x00_0000), rgb(0x00_cd00), rgb(0xe5_e5e5), rgb(0x7f_7f7f), rgb(0xff_ffff)]),
    ("linux", [rgb(0x00_0000), rgb(0x00_aa00), rgb(0xaa_aaaa), rgb(0x55_5555), rgb(0xff_ffff)]),
    ("tango", [rgb(0x2e_3436), rgb(0x4e_9a06), rgb(0xd3_d7cf), rgb(0x55_5753), rgb(0xee_eeec)]),
    ("kitty", [rgb(0x00_0000), rgb(0x19_cb00), rgb(0xdd_dddd), rgb(0x76_7676), rgb(0xff_ffff)]),
    ("solarized", [rgb(0x07_3642), rgb(0x85_9900), rgb(0xee_e8d5), rgb(0x00_2b36), rgb(0xfd_f6e3)]),
];

/// The styles of status lines: of tmux itself, dark ones and a light one.
const BARS: [(&str, &str); 4] =
    [("black", "green"), ("white", "black"), ("white", "colour235"), ("black", "white")];

const fn rgb(value: u32) -> Rgb {
    let [_, red, green, blue] = value.to_be_bytes();
    Rgb(red, green, blue)
}

/// Returns a colour of a style. In bold, a terminal may show one of the first eight colours as the brighter one.
fn find_colour(name: &str, palette: Palette, brightens: bool) -> Rgb {
    let (_, [black, green, white, bright_black, bright_white]) = palette;
    match name {
        "black" if brightens => bright_black,
        "white" if brightens => bright_white,
        "black" => black,
        "green" => green,
        "white" => white,
        "colour235" => Rgb::of_index(235).unwrap(),
        name => rgb(u32::from_str_radix(name.strip_prefix('#').unwrap(), 16).unwrap()),
    }
}

/// Returns each text of a line with the contrast of its colours.
fn contrasts(line: &str, bar: (&str, &str), palette: Palette) -> Vec<(String, f64)> {
    let (mut colours, mut is_bold) = (bar, false);
    let mut found = Vec::new();
    for part in line.split("#[") {
        let (style, text) = part.split_once(']').unwrap_or(("", part));
        for word in style.split(',') {
            match word.split_once('=') {
                Some(("fg", name)) => colours.0 = name,
                Some(("bg", name)) => colours.1 = name,
                _ => match word {
                    "default" => (colours, is_bold) = (bar, false),
                    "bold" | "nobold" => is_bold = word == "bold",
                    // Reversed colours have the same contrast.
                    "" | "reverse" | "noreverse" | "underscore" | "nounderscore" => {}
                    word => panic!("unknown word {word}"),
                },
            }
        }
        let text_colour = find_colour(colours.0, palette, is_bold);
        let background = find_colour(colours.1, palette, false);
        if !text.trim().is_empty() {
            found.push((text.trim().to_owned(), text_colour.contrast(background)));
        }
    }
    found
}

fn all_statuses() -> Counts {
    Counts {
        permission: 1,
        question: 1,
        plan: 1,
        failed: 1,
        done: 1,
        working: 1,
        idle: 1,
        needs_you: 5,
    }
}

#[test]
fn counts_are_as_legible_as_the_rest_of_the_bar() {
    let theme = Theme { palette: &TERMINAL, unicode: false };
    let lines = [uncoloured(&all_statuses(), theme), coloured(&all_statuses(), theme)];
    for palette in PALETTES {
        for bar in BARS {
            // The bar of a user may be illegible by itself.
            let least = LEGIBLE.min(contrasts("12:30", bar, palette)[0].1);
            for line in &lines {
                let found = contrasts(line, bar, palette);
                assert!(found.len() >= 6, "{found:?}");
                for (text, contrast) in found {
                    let name = palette.0;
                    assert!(contrast >= least, "{text} on {bar:?} of {name}: {contrast:.1}");
                }
            }
        }
    }
}

#[test]
fn bold_black_is_illegible_on_the_green_bar() {
    let found = contrasts("#[bold,reverse]!1", BARS[0], PALETTES[0]);
    assert!(found[0].1 < 2.0, "{found:?}");
}
