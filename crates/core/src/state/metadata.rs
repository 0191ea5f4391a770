//! The metadata of events: where a session runs, its name, model and branch.

use crate::evidence::event::Report;
use crate::session::place::Place;
use crate::state::row::Row;

/// Applies the metadata of an event to its session.
pub(crate) fn apply_metadata(row: &mut Row, report: &Report) {
    let set = |field: &mut Option<String>, value: &Option<String>| {
        if value.is_some() {
            field.clone_from(value);
        }
    };
    set(&mut row.session.transcript, &report.transcript);
    if row.session.origin.as_ref().is_none_or(|origin| origin.profile.is_none()) {
        set(&mut row.session.profile, &report.profile);
    }
    set(&mut row.session.model, &report.model);
    if report.subagent.is_none() {
        set(&mut row.session.mode, &report.mode);
        set(&mut row.session.cwd, &report.cwd);
        if let Some(branch) = &report.branch {
            row.session.branch = (!branch.is_empty()).then(|| branch.clone());
            row.session.repository_root.clone_from(&report.repository_root);
        }
    }
    if report.job.is_some() {
        row.session.job.clone_from(&report.job);
    }
    let of_a_process = report.process.is_some() || row.session.pid.is_none();
    if of_a_process && report.place != Place::default() {
        row.session.place = report.place.clone();
        if row.state.nested || row.session.job.is_some() {
            row.session.place = std::mem::take(&mut row.session.place).without_pane();
        }
    }
    let folder = report.project.as_deref().or(report.cwd.as_deref());
    if let Some(name) = folder.and_then(|path| path.trim_end_matches('/').rsplit('/').next())
        && (row.session.name.is_empty() || report.project.is_some())
        // Events of tools do not name the teammate again.
        && row.session.teammate.is_none()
    {
        name.clone_into(&mut row.session.name);
    }
    if let Some(teammate) = &report.teammate {
        row.session.name.clone_from(&teammate.name);
        row.session.teammate = Some(teammate.name.clone());
        row.state.lead = Some(teammate.lead.clone());
    }
    if row.session.name.is_empty() {
        row.session.name = report.agent.to_string();
    }
}
