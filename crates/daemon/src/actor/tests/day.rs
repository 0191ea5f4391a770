//! The look-up of the present day, which the actor needs for costs.

use super::*;
use crewboard_core::{Day, DayCost, StartOrigin, UsageReport};

impl Stage {
    fn needs_day_for(&self, request: Request) -> bool {
        let request = Box::new(request);
        let input = Input::Request { connection: 99, peer: PEER, request };
        self.actor.needs_day(&input, self.now())
    }
}

fn usage(cost_cents: Option<u64>) -> Event {
    Event::UsageReport(UsageReport { cost_cents, ..UsageReport::default() })
}

fn event_request(event: Event) -> Request {
    let report = Box::new(Report::new("claude", "s", "statusline", Stamp::default(), event));
    Request::Event(EventLine { hook_pid: HOOK, report })
}

fn restore(cost_today: Option<DayCost>) -> Request {
    Request::Restore(RestoreRequest { row: Box::new(Session { cost_today, ..Session::default() }) })
}

#[test]
fn day_is_looked_up_only_for_a_cost() {
    let mut stage = Stage::new();
    let cost = DayCost { usd: 1.0, since: Timestamp(0) };
    for (request, is_needed) in [
        (event_request(usage(Some(1))), true),
        (event_request(usage(None)), false),
        (event_request(Event::ToolsEnded), false),
        (restore(Some(cost)), true),
        (restore(None), false),
        (Request::List, false),
    ] {
        assert_eq!(stage.needs_day_for(request.clone()), is_needed, "{request:?}");
    }
    let end = Timestamp(stage.now().wall.0 + 1000);
    stage.input(Input::DayFound(Day { start: Timestamp(0), end }));
    assert!(!stage.needs_day_for(event_request(usage(Some(1)))));
    stage.micros += 1_000_000;
    assert!(stage.needs_day_for(event_request(usage(Some(1)))));
}

#[test]
fn subscription_gets_the_cost_of_the_day_and_its_end() {
    let mut stage = Stage::new();
    let end = Timestamp(stage.now().wall.0 + 60_000);
    stage.input(Input::DayFound(Day { start: Timestamp(0), end }));
    stage.event("s", Some(1), Event::SessionStarted { origin: StartOrigin::Startup });
    stage.event("s", Some(1), usage(Some(84)));
    stage.request(1, Request::Subscribe(SubscribeRequest { after: None }));
    let row = |stage: &Stage| stage.actor.sessions.iter().next().unwrap().clone();
    assert_eq!(row(&stage).cost_today, Some(DayCost { usd: 0.84, since: Timestamp(0) }));
    let wait = stage.actor.next_deadline(stage.now()).unwrap();
    assert_eq!(stage.now().wall.0 + wait, end.0);
    stage.actor.flush();
    stage.input(Input::BatchWritten(1));
    stage.micros += 60_000_000;
    stage.input(Input::Tick);
    assert_eq!(row(&stage).cost_today, None);
    let batches = stage.actor.flush();
    assert_eq!(batches.len(), 1, "{batches:?}");
}
