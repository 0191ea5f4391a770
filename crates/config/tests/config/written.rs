use crate::schema;
use crewboard_config::{Environment, Origin};

/// What holds with this file, without where it came from.
fn values(text: Option<&str>) -> Vec<String> {
    let loaded = schema().resolve(None, text, &Environment::default());
    assert_eq!(loaded.problems, []);
    let line =
        |one: &crewboard_config::Setting| format!("{}.{} {}", one.section, one.name, one.value);
    loaded.settings.iter().map(line).collect()
}

#[test]
fn the_written_file_is_the_defaults_also_with_every_option_uncommented() {
    let template = schema().template();
    let defaults = values(None);
    assert_eq!(values(Some(&template)), defaults);

    let uncommented: String = template
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(option)
                if option.starts_with(|first: char| first.is_ascii_lowercase() || first == '[') =>
            {
                format!("{option}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    assert_eq!(values(Some(&uncommented)), defaults);
    let all = schema().resolve(None, Some(&uncommented), &Environment::default());
    assert!(all.settings.iter().all(|one| matches!(one.origin, Origin::File { .. })));
    assert_eq!(all.rules.len(), 1);
    assert!(template.lines().all(|line| line.len() <= 100));
}

#[test]
fn every_option_is_in_the_file_and_on_the_page() {
    let (template, page) = (schema().template(), schema().page());
    for entry in schema().entries() {
        assert!(template.contains(&format!("\n#{} = {}\n", entry.name, entry.default)));
        assert!(page.contains(&format!("\n| `{}` | `{}` | ", entry.name, entry.default)));
    }
}

#[test]
fn a_key_is_written_so_that_it_is_read_again() {
    for key in ["\"", "\\", "'", "#", "\u{fc}"] {
        let value = crewboard_config::Value::Keys(vec![key.to_owned()]);
        let text = format!("[keys]\njump = {value}");
        assert!(values(Some(&text)).contains(&format!("keys.jump {value}")), "{text}");
    }
}
