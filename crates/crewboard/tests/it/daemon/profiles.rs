//! Different paths of one configuration directory are one profile.

use crate::support::{now, payload, world};
use crewboard_testkit::{
    FakeAgent, Subscription, World, event_line, prompt, run_with_input, wait_until,
};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// Runs a command as an agent with these variables does.
fn run(mut command: Command, variables: &[(&str, &str)], agent: &FakeAgent, input: &Value) {
    command.env("CLAUDE_PID", agent.pid().to_string()).envs(variables.iter().copied());
    let output = run_with_input(command, input.to_string().as_bytes());
    assert_eq!(output.code(), Some(0), "{output:?}");
}

/// Starts a session and sends its rate limits.
fn start_session(world: &World, variables: &[(&str, &str)], agent: &FakeAgent, id: &str) {
    let started = json!({"session_id": id, "hook_event_name": "SessionStart", "cwd": "/srv/shop"});
    run(world.command(["hook", "claude"]), variables, agent, &started);
    send_limits(world, variables, agent, id);
}

fn send_limits(world: &World, variables: &[(&str, &str)], agent: &FakeAgent, id: &str) {
    let resets_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 4320;
    let window = json!({"used_percentage": 50, "resets_at": resets_at});
    let input = json!({"session_id": id, "rate_limits": {"five_hour": window}});
    run(world.command(["statusline", "--", "cat"]), variables, agent, &input);
}

/// Returns the profiles whose rate limits the daemon knows.
fn profiles_with_limits(world: &World) -> Vec<Value> {
    let counts = world.run(["counts", "--format", "json"]);
    let counts: Value = serde_json::from_str(&counts.stdout).unwrap();
    counts["limits"].as_array().unwrap().iter().map(|limits| limits["profile"].clone()).collect()
}

/// Writes the session file of an agent.
fn write_session_file(profile: &Path, agent: &FakeAgent, id: &str) {
    let process = agent.process();
    let file = json!({
        "pid": process.pid, "sessionId": id, "cwd": "/srv/shop", "kind": "interactive",
        "procStart": process.start.to_string(), "entrypoint": "cli", "status": "busy",
    });
    fs::create_dir_all(profile.join("sessions")).unwrap();
    let path = profile.join("sessions").join(format!("{}.json", process.pid));
    fs::write(path, file.to_string()).unwrap();
}

#[test]
fn directory_spelled_in_many_ways_is_one_profile() {
    let world = world();
    let home = world.home().canonicalize().unwrap();
    let real = home.join("dot/work");
    fs::create_dir_all(&real).unwrap();
    symlink("dot/work", home.join("link")).unwrap();
    symlink("link", home.join("link-to-link")).unwrap();
    let at = home.display();
    let mut subscription = Subscription::new(world.start_daemon());
    let spellings = [
        format!("{at}/dot/work"),
        format!("{at}/dot/work/"),
        format!("{at}//dot/./work"),
        format!("{at}/dot/../dot/work"),
        format!("{at}/link"),
        format!("{at}/link-to-link/"),
        "dot/work".to_owned(),
        "./link/".to_owned(),
    ];
    for (number, spelling) in spellings.iter().enumerate() {
        let agent = FakeAgent::with_profile_in(&home, Path::new(spelling));
        let id = format!("s{number}");
        start_session(&world, &[("CLAUDE_CONFIG_DIR", spelling)], &agent, &id);
        let row = subscription.wait_for_row(&id, |row| row["status"] == "idle");
        assert_eq!(row["profile"], json!(real), "{spelling}");
        // The daemon follows the link to the session file.
        write_session_file(&real, &agent, &id);
        subscription
            .wait_for_row(&id, |row| row["source"] == "file:busy" && row["confirmed"] == true);
        // A session without hooks has the same profile.
        let silent = FakeAgent::with_profile_in(&home, Path::new(spelling));
        write_session_file(&real, &silent, &format!("silent{number}"));
        let row =
            subscription.wait_for_row(&format!("silent{number}"), |row| row["status"] == "working");
        assert_eq!(row["profile"], json!(real), "{spelling}");
        let mut install = world.command(["install", "--dry-run"]);
        install.env("CLAUDE_CONFIG_DIR", spelling);
        let output = run_with_input(install, b"");
        assert!(output.stdout.contains(&format!("{}/settings.json", real.display())), "{output:?}");
    }
    assert_eq!(profiles_with_limits(&world), [json!(real)]);
}

#[test]
fn missing_and_default_directory_are_one_profile_each() {
    let world = world();
    let home = world.home().canonicalize().unwrap();
    let at = home.display();
    let mut subscription = Subscription::new(world.start_daemon());
    let usual = home.join(".claude");
    let transcript = json!({"transcript_path": usual.join("projects/-srv-shop/t.jsonl")});
    let missing = home.join("missing");
    let cases = [
        (vec![("CLAUDE_CONFIG_DIR", format!("{at}/missing"))], &missing),
        (vec![("CLAUDE_CONFIG_DIR", format!("{at}//missing/"))], &missing),
        (vec![("CLAUDE_CONFIG_DIR", format!("{at}/.claude/"))], &usual),
        (vec![("CLAUDE_CONFIG_DIR", String::new())], &usual),
        (vec![], &usual),
    ];
    for (number, (variables, profile)) in cases.iter().enumerate() {
        let id = format!("s{number}");
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // The variables of the process decide, so the agent has them as well.
        let own = variables.iter().find(|(_, value)| !value.is_empty());
        let agent = match own {
            Some((_, directory)) => FakeAgent::with_profile(Path::new(directory)),
            None => FakeAgent::with_home(&home),
        };
        start_session(&world, &variables, &agent, &id);
        let row = subscription.wait_for_row(&id, |row| row["status"] == "idle");
        assert_eq!(row["profile"], json!(profile), "{variables:?}");
    }
    let agent = FakeAgent::with_home(&home);
    world.run_hook(&agent, &payload("SessionStart", "reported", &transcript));
    let row = subscription.wait_for_row("reported", |row| row["status"] == "idle");
    assert_eq!(row["profile"], json!(usual));
    wait_until("the daemon has the limits of both profiles", || {
        profiles_with_limits(&world).len() == 2
    });
    assert_eq!(profiles_with_limits(&world), [json!(usual), json!(missing)]);
}

#[test]
fn profile_ends_at_the_last_projects_folder_of_the_transcript() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    let agent = FakeAgent::new();
    let profile = "/data/projects/ana/.claude";
    let transcript = format!("{profile}/projects/-x/s.jsonl");
    let payload = payload("SessionStart", "s", &json!({"transcript_path": transcript}));
    world.run_hook(&agent, &payload);
    let row = subscription.wait_for_row("s", |row| row["status"] == "idle");
    assert_eq!(row["profile"], profile);
}

#[test]
fn daemon_normalizes_the_profile_of_a_client() {
    let world = world();
    let mut client = world.start_daemon();
    for (number, spelling) in
        ["/home/dev/.w", "/home/dev/.w/", "//home/./dev/.w"].iter().enumerate()
    {
        let line = event_line(&format!("s{number}"), None, now(), prompt("go"));
        let mut line: Value = serde_json::from_slice(&line).unwrap();
        line["report"]["profile"] = json!(spelling);
        client.send(line);
    }
    client.wait_for_events(3);
    let rows = client.list();
    assert_eq!(rows.len(), 3);
    assert!(rows.values().all(|row| row["profile"] == "/home/dev/.w"), "{rows:?}");
}
