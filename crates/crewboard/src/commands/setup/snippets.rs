//! The lines for the configurations of other programs. docs/status-bars.md and docs/jump.md explain them.

/// The keys that the lines for tmux bind after the prefix.
pub(super) const TMUX_KEYS: [&str; 2] = ["g", "G"];

/// Returns the lines for tmux 3.2 or later. They can be read again and again: tmux keeps the options of the first time,
/// so a part is added to an option only if it is not there.
pub(super) fn tmux(program: &str) -> String {
    format!(
        r#"# `crewboard tmux install` wrote these lines, and `crewboard tmux uninstall` removes them.
# A pane that you focus is seen.
set -g focus-events on
set-hook -g 'pane-focus-in[750]' "run-shell -b \"{program} seen '#{{pane_id}}' >/dev/null 2>&1 || true\""
# The counts in the status line, and the shape of the most urgent session at each window.
if-shell -F '#{{e|<:#{{status-right-length}},100}}' 'set -g status-right-length 100'
if-shell -F '#{{?#{{m:*crewboard*,#{{status-right}}}},0,1}}' {{
    set -ga status-right ' #({program} counts --format tmux --follow --windows)'
}}
if-shell -F '#{{?#{{m:*@crewboard*,#{{window-status-format}}}},0,1}}' {{
    set -ga window-status-format '#{{@crewboard}}'
    set -ga window-status-current-format '#{{@crewboard}}'
}}
# Prefix g: the board in a popup. Prefix G: the session that has needed you longest, and the next.
bind-key g display-popup -E -w 90% -h 80% "{program} --once"
bind-key G run-shell "{program} next 2>&1 || true"
"#
    )
}

/// Returns a layout with the board in one line, and the key bindings for zellij.
pub(crate) fn zellij(program: &str) -> String {
    format!(
        r#"// ~/.config/zellij/layouts/crew.kdl; start it with `zellij -n crew`
layout {{
    default_tab_template {{
        children
        pane size=1 borderless=true command="{program}"
        pane size=1 borderless=true {{
            plugin location="zellij:status-bar"
        }}
    }}
}}

// ~/.config/zellij/config.kdl
keybinds {{
    shared {{
        bind "Alt j" {{ Run "{program}" "next" {{ floating true; close_on_exit true; }}; }}
        bind "Alt b" {{ Run "{program}" "--once" {{ floating true; close_on_exit true; }}; }}
    }}
}}
"#
    )
}

/// Returns a module for the configuration of waybar.
pub(crate) fn waybar(program: &str) -> String {
    format!(
        r#""custom/crewboard": {{
    "exec": "{program} counts --format waybar --follow",
    "return-type": "json",
    "restart-interval": 5,
    "on-click": "{program} next"
}}
"#
    )
}

/// Returns a module for starship.toml.
pub(crate) fn starship(program: &str) -> String {
    format!(
        r#"[custom.crewboard]
command = "{program} counts --format starship"
when = true
format = "($output )"
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_show_the_printed_lines() {
        let pages = [
            include_str!("../../../../../docs/status-bars.md"),
            include_str!("../../../../../docs/jump.md"),
        ]
        .concat();
        for text in [waybar("crewboard"), starship("crewboard"), tmux("crewboard")] {
            assert!(pages.contains(&text), "{text}");
        }
        for part in zellij("crewboard").split("\n\n") {
            let (_, lines) = part.split_once('\n').unwrap();
            assert!(pages.contains(lines.trim_end()), "{lines}");
        }
        for key in TMUX_KEYS {
            assert!(super::super::block::binds(tmux("crewboard").as_bytes(), key), "{key}");
        }
    }
}
