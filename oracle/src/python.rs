//! A program as Python source: what CPython runs, and what a report shows.

use crate::program::{Block, Call, Except, Program, Stmt, When, Who};
use std::fmt::Write;

/// The source of a program; `judge.py` says what the names in it are.
pub(crate) fn source(program: &Program) -> String {
    let mut text = String::new();
    for (number, body) in program.0.iter().enumerate() {
        let _ = writeln!(text, "async def f{number}(me):");
        block(&mut text, body, 1);
    }
    text
}

fn block(text: &mut String, body: &Block, depth: usize) {
    if body.is_empty() {
        line(text, depth, "pass");
    }
    for stmt in body {
        statement(text, stmt, depth);
    }
}

fn line(text: &mut String, depth: usize, line: &str) {
    let _ = writeln!(text, "{:1$}{line}", "", 4 * depth);
}

fn statement(text: &mut String, stmt: &Stmt, depth: usize) {
    match stmt {
        Stmt::Timeout(after, body) => {
            line(
                text,
                depth,
                &format!("async with asyncio.timeout(me.limit({after})):"),
            );
            block(text, body, depth + 1);
        }
        Stmt::WithSemaphore(n, body) => with(text, &format!("semaphores[{n}]"), body, depth),
        Stmt::WithLock(n, body) => with(text, &format!("locks[{n}]"), body, depth),
        Stmt::Notify(n, count, body) => {
            line(
                text,
                depth,
                &format!("async with me.world.conditions[{n}]:"),
            );
            let count = count.map_or(String::new(), |count| format!(", {count}"));
            line(text, depth + 1, &format!("me.notify({n}{count})"));
            block(text, body, depth + 1);
        }
        Stmt::WithLocal(n, body) => {
            line(text, depth, &format!("with me.local({n}):"));
            block(text, body, depth + 1);
        }
        Stmt::Group(body) => {
            line(text, depth, "async with me.group():");
            block(text, body, depth + 1);
        }
        Stmt::Finally(body, cleanup) => {
            line(text, depth, "try:");
            block(text, body, depth + 1);
            line(text, depth, "finally:");
            line(text, depth + 1, "me.log('finally')");
            block(text, cleanup, depth + 1);
        }
        Stmt::Try(body, except, handler, again) => {
            line(text, depth, "try:");
            block(text, body, depth + 1);
            let class = match except {
                Except::Cancelled => "asyncio.CancelledError",
                Except::Exception => "Exception",
                Except::Both => "(Exception, asyncio.CancelledError)",
            };
            line(text, depth, &format!("except {class} as error:"));
            line(text, depth + 1, "me.log('except ' + text_of(error))");
            block(text, handler, depth + 1);
            if *again {
                line(text, depth + 1, "raise");
            }
        }
        _ => line(text, depth, &simple(stmt)),
    }
}

/// With something that is held for the block.
fn with(text: &mut String, what: &str, body: &Block, depth: usize) {
    line(text, depth, &format!("async with me.world.{what}:"));
    line(text, depth + 1, "me.log('acquired')");
    block(text, body, depth + 1);
}

/// A statement without a block.
fn simple(stmt: &Stmt) -> String {
    match stmt {
        Stmt::Note(n) => format!("me.log('note {n}')"),
        Stmt::Sleep(time) => format!("await asyncio.sleep({time}); me.log('slept')"),
        Stmt::Spawn(Call { slot, function }) => format!("me.spawn({slot}, f{function})"),
        Stmt::Join(slot) => format!("await me.join({slot})"),
        Stmt::Shield(slot) => format!("await me.join({slot}, asyncio.shield)"),
        Stmt::Gather(of, outcomes) => format!("await me.{}([{}])", gather(*outcomes), calls(of)),
        Stmt::GatherKids(slots, outcomes) => {
            format!("await me.{}(me.take({}))", gather(*outcomes), list(slots))
        }
        Stmt::Wait(slots, when, timeout) => wait(slots, *when, *timeout),
        Stmt::AsCompleted(of) => format!("await me.as_completed({})", calls(of)),
        Stmt::WaitFor(of, after) => {
            let of = calls(std::slice::from_ref(of));
            format!("me.see(await asyncio.wait_for({of}, me.limit({after})))")
        }
        Stmt::WaitForKid(slot, after) => format!(
            "for task in me.take({slot}): me.see(await asyncio.wait_for(task, me.limit({after})))"
        ),
        Stmt::Cancel(of, None) => format!("me.cancel({})", who(*of)),
        Stmt::Cancel(of, Some(n)) => format!("me.cancel({}, 'message {n}')", who(*of)),
        Stmt::Uncancel(of) => format!("me.uncancel({})", who(*of)),
        Stmt::Cancelling(of) => format!("me.cancelling({})", who(*of)),
        Stmt::State(of) => format!("me.state({})", who(*of)),
        Stmt::Raise(n) => format!("raise Boom({n})"),
        Stmt::CallSoon(n) => format!("me.call_soon({n})"),
        Stmt::CallLater(after, n) => format!("me.call_later(me.limit({after}), {n})"),
        Stmt::CancelLater(after, of) => format!("me.cancel_later(me.limit({after}), {})", who(*of)),
        Stmt::OnDone(slot, n) => format!("me.on_done({slot}, {n})"),
        Stmt::Put(queue, value) => format!("await me.put({queue}, {value})"),
        Stmt::Get(queue) => format!("await me.get({queue})"),
        Stmt::TryPut(queue, value) => format!("me.try_put({queue}, {value})"),
        Stmt::TryGet(queue) => format!("me.try_get({queue})"),
        Stmt::SetFuture(n, value) => format!("me.set_future({n}, {value})"),
        Stmt::AwaitFuture(n) => format!("await me.await_future({n})"),
        Stmt::SetLocal(n) => format!("me.set_local({n})"),
        Stmt::SeeLocal => "me.see_local()".to_owned(),
        Stmt::SpawnIn(Call { slot, function }) => format!("me.spawn_in({slot}, f{function})"),
        Stmt::SpawnBeside(Call { slot, function }) => {
            format!("me.spawn_beside({slot}, f{function})")
        }
        _ => object(stmt),
    }
}

/// A statement about an object that is waited on.
fn object(stmt: &Stmt) -> String {
    match stmt {
        Stmt::TaskDone(queue) => format!("me.task_done({queue})"),
        Stmt::JoinQueue(queue) => format!("await me.join_queue({queue})"),
        Stmt::ShutDown(queue, true) => format!("me.shut_down({queue}, True)"),
        Stmt::ShutDown(queue, false) => format!("me.shut_down({queue}, False)"),
        Stmt::Acquire(n) => format!("await me.acquire({n})"),
        Stmt::Release(n) => format!("me.release({n})"),
        Stmt::SetEvent(n) => format!("me.set_event({n})"),
        Stmt::ClearEvent(n) => format!("me.clear_event({n})"),
        Stmt::AwaitEvent(n) => format!("await me.await_event({n})"),
        Stmt::AwaitCondition(n) => format!("await me.await_condition({n})"),
        Stmt::AwaitBarrier(n) => format!("await me.await_barrier({n})"),
        Stmt::ResetBarrier(n) => format!("await me.reset_barrier({n})"),
        Stmt::AbortBarrier(n) => format!("await me.abort_barrier({n})"),
        _ => unreachable!("a statement with a block"),
    }
}

fn gather(outcomes: bool) -> &'static str {
    if outcomes {
        "gather_outcomes"
    } else {
        "gather"
    }
}

fn wait(slots: &[usize], when: When, timeout: Option<u32>) -> String {
    let when = match when {
        When::First => "FIRST_COMPLETED",
        When::Exception => "FIRST_EXCEPTION",
        When::All => "ALL_COMPLETED",
    };
    let timeout = timeout.map_or(String::new(), |timeout| format!(", me.limit({timeout})"));
    format!("await me.wait([{}], asyncio.{when}{timeout})", list(slots))
}

fn calls(calls: &[Call]) -> String {
    let calls = calls.iter();
    let calls: Vec<_> = calls
        .map(|Call { slot, function }| format!("me.call({slot}, f{function})"))
        .collect();
    calls.join(", ")
}

fn list(slots: &[usize]) -> String {
    let slots: Vec<_> = slots.iter().map(ToString::to_string).collect();
    slots.join(", ")
}

fn who(who: Who) -> String {
    match who {
        Who::Me => "'me'".to_owned(),
        Who::Parent => "'parent'".to_owned(),
        Who::Kid(slot) => format!("'kid {slot}'"),
        Who::Sibling(slot) => format!("'sibling {slot}'"),
    }
}
