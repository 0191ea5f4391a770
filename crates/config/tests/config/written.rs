use crate::schema;
use crewboard_config::{Environment, Origin};

/// Returns the settings for a file, without their origins.
fn values(text: Option<&str>) -> Vec<String> {
    let loaded = schema().resolve(None, text, &Environment::default());
    assert_eq!(loaded.problems, []);
    let line = |setting: &crewboard_config::Setting| {
        format!("{}.{} {}", setting.section, setting.name, setting.value)
    };
    loaded.settings.iter().map(line).collect()
}

#[test]
fn template_equals_the_defaults_with_or_without_comments() {
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
    assert!(all.settings.iter().all(|setting| matches!(setting.origin, Origin::File { .. })));
    assert_eq!(all.rules.len(), 1);
    assert!(template.lines().all(|line| line.len() <= 100));
}

#[test]
fn template_and_page_contain_every_option() {
    let (template, page) = (schema().template(), schema().page());
    for entry in schema().entries() {
        assert!(template.contains(&format!("\n#{} = {}\n", entry.name, entry.default)));
        assert!(page.contains(&format!("\n| `{}` | `{}` | ", entry.name, entry.default)));
    }
}

#[test]
fn written_key_is_read_again() {
    for key in ["\"", "\\", "'", "#", "\u{fc}"] {
        let value = crewboard_config::Value::Keys(vec![key.to_owned()]);
        let text = format!("[keys]\njump = {value}");
        assert!(values(Some(&text)).contains(&format!("keys.jump {value}")), "{text}");
    }
}
