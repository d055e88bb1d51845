//! The locals of a task: in its cell at birth, in its cold record as soon as it has one.

#![cfg(weftwork_loom)]

use loom::thread;
use weftwork_loom_tests::Drops;
use weftwork_scheduler::locals::{LocalKey, LocalValue, local, set_local};
use weftwork_scheduler::model::Scheduler;
use weftwork_scheduler::{Context, Task};

static SITE: u8 = 0;

fn key() -> LocalKey {
    LocalKey::new(&SITE, "site")
}

/// A context with one value, whose drops are counted.
fn with_value(drops: &Drops) -> Context {
    let mut context = Context::new();
    let value = LocalValue::new(drops.counted());
    context.run(|| set_local(key(), Some(value)));
    context
}

#[test]
fn a_record_that_is_made_at_the_end_has_its_locals_or_none() {
    loom::model(|| {
        let (scheduler, drops) = (Scheduler::new(1), Drops::default());
        let builder = Task::builder().context(with_value(&drops));
        let task = builder.spawn_on(&scheduler.handle(), async { local(key()).is_some() });
        let control = task.control();
        let namer = thread::spawn(move || control.set_name("named"));
        scheduler.poll_all();
        namer.join().unwrap();
        assert!(task.control().context().is_empty());
        assert_eq!(task.control().name(), "named");
        assert_eq!(drops.count(), 1, "its handle is still there");
        drop(task);
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn two_who_make_a_record_count_its_locals_once() {
    loom::model(|| {
        let (scheduler, drops) = (Scheduler::new(1), Drops::default());
        let builder = Task::builder().context(with_value(&drops));
        let task = builder.spawn_on(&scheduler.handle(), async {});
        let control = task.control();
        let other = thread::spawn(move || control.context().len());
        let here = task.control().context().len();
        assert_eq!((here, other.join().unwrap()), (1, 1));
        scheduler.poll_all();
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn a_task_changes_its_locals_while_others_look() {
    loom::model(|| {
        let (scheduler, drops) = (Scheduler::new(1), Drops::default());
        let builder = Task::builder().context(with_value(&drops));
        let value = LocalValue::new(drops.counted());
        let task = builder.spawn_on(&scheduler.handle(), async move {
            set_local(key(), Some(value));
        });
        let control = task.control();
        let looker = thread::spawn(move || control.context().len());
        scheduler.poll_all();
        assert!(looker.join().unwrap() <= 1);
        assert_eq!(drops.count(), 2);
    });
}
