//! When values are dropped, what their destructors see, and what becomes of their panics.

use crate::NUMBER;
use crate::common::{self, Counter, Log, each, each_reporting, forever, on, settle, started};
use std::sync::Arc;
use weftwork::context::Context;
use weftwork::{Handle, Runtime, Task, spawn, task_local, yield_now};

#[test]
fn the_destructors_of_a_future_see_the_locals_of_its_task() {
    each(|| async {
        struct Says(Log);
        impl Drop for Says {
            fn drop(&mut self) {
                self.0.add(format!("{}", NUMBER.get().unwrap()));
            }
        }
        let log = Log::default();
        NUMBER.set(1);
        let says = Says(log.clone());
        let task = started(|reached| async move {
            NUMBER.set(2);
            let _says = says;
            common::stuck_at::<()>(reached).await;
        });
        let task = task.await;
        task.cancel();
        task.finished().await;
        let says = Says(log.clone());
        let never_polled = spawn(async move { drop(says) });
        never_polled.cancel();
        never_polled.finished().await;
        assert_eq!(log.get()[0], "2");
        assert!(log.len() == 2 && log.get()[1] == "1");
    });
}

/// A value that counts, panics, or looks around when it is dropped.
struct Guard {
    dropped: Counter,
    panics: bool,
}

task_local! {
    static GUARD: Arc<Guard>;
    static OWNED: Guard;
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.dropped.add();
        // User code: it may do what it likes.
        let _ = GUARD.get().is_ok();
        NUMBER.set(NUMBER.get().unwrap() + 1);
        assert!(!self.panics, "a destructor");
    }
}

fn guard(dropped: &Counter, panics: bool) -> Guard {
    let dropped = dropped.clone();
    Guard { dropped, panics }
}

#[test]
fn values_go_with_the_last_who_can_see_them() {
    each(|| async {
        let dropped = Counter::default();
        let task = Task::builder().context(Context::new()).spawn({
            let dropped = dropped.clone();
            async move {
                OWNED.set(guard(&dropped, false));
                let child = spawn(async move {
                    yield_now().await;
                    assert_eq!(OWNED.with(|guard| guard.dropped.get()), Ok(0));
                });
                child.finished().await;
                OWNED.set(guard(&dropped, false));
                assert_eq!(dropped.get(), 1, "the first one");
            }
        });
        task.finished().await;
        assert_eq!(dropped.get(), 2, "its handle does not keep them");
        drop(task);
        assert_eq!(dropped.get(), 2);
    });
}

#[test]
fn panics_of_destructors_are_contained() {
    each_reporting(|reports| async move {
        let dropped = Counter::default();
        let task = Task::builder().context(Context::new()).spawn({
            let dropped = dropped.clone();
            async move {
                OWNED.set(guard(&dropped, true));
                GUARD.set(Arc::new(guard(&dropped, true)));
                // A panic where a value is replaced is no panic of who replaces it.
                OWNED.set(guard(&dropped, true));
                spawn(async {}).await;
                "value"
            }
        });
        assert_eq!(task.await, "value");
        common::until(|| dropped.get() == 3).await;
        common::until(|| reports.count() == 3).await;
        for seen in reports.take() {
            assert_eq!(seen.message, "a destructor");
            assert_eq!(seen.context, "the drop of a task local's value");
        }
    });
}

#[test]
fn what_is_shared_with_a_refused_spawn_goes_with_it() {
    let _watchdog = common::Watchdog::start();
    let dropped = Counter::default();
    let runtime = Runtime::builder().workers(2).build().unwrap();
    let handle = runtime.handle();
    runtime.close().unwrap();
    let mut context = Context::new();
    context.run(|| {
        OWNED.set(guard(&dropped, false));
        assert!(handle.spawn(async {}).cancelled());
        assert!(handle.try_spawn(async {}).is_err());
        assert!(handle.try_spawn_blocking(|| ()).is_err());
        handle.call_soon(|| ());
    });
    assert_eq!(dropped.get(), 0);
    drop(context);
    assert_eq!(dropped.get(), 1);
}

#[test]
fn the_end_of_a_runtime_drops_the_locals_of_what_it_ends() {
    let _watchdog = common::Watchdog::start();
    for kind in common::EVERYWHERE {
        let (made, dropped) = (Counter::default(), Counter::default());
        let set = {
            let (made, dropped) = (made.clone(), dropped.clone());
            move || {
                made.add();
                OWNED.set(guard(&dropped, false));
            }
        };
        let runtime = kind.runtime(Runtime::builder());
        runtime.block_on(async {
            for _ in 0..100 {
                let set = set.clone();
                let task = spawn(async move {
                    set();
                    forever::<()>().await;
                });
                task.detach();
            }
            settle().await;
            set();
            Handle::current().call_later(common::LONG, || unreachable!("it is never due"));
            Handle::current().call_soon(set.clone());
        });
        runtime.close().unwrap();
        drop(runtime);
        assert!(made.get() > 1, "{kind:?}");
        assert_eq!(dropped.get(), made.get(), "on {kind:?}");
    }
}

#[test]
fn others_may_look_at_a_task_while_it_changes_and_ends() {
    on(&common::WORKERS, |_| async {
        let dropped = Counter::default();
        let rounds = common::scaled(10_000);
        let made = Counter::default();
        for round in 0..rounds {
            let mut context = Context::new();
            context.run(|| OWNED.set(guard(&dropped, false)));
            made.add();
            let work = {
                let (dropped, made) = (dropped.clone(), made.clone());
                async move {
                    if round % 3 == 0 {
                        OWNED.set(guard(&dropped, false));
                        made.add();
                    }
                    if round % 2 == 0 {
                        yield_now().await;
                    }
                    assert_eq!(OWNED.with(|guard| guard.panics), Ok(false));
                }
            };
            // The first look at its cold record meets it at the beginning, amidst, or at its end.
            let task = Task::builder().context(context).spawn(work);
            let control = task.control();
            let looks = spawn(async move {
                let seen = control.context();
                control.set_name("seen");
                drop(seen);
            });
            if round % 5 == 0 {
                task.cancel();
            }
            task.finished().await;
            looks.await;
        }
        common::until(|| dropped.get() == made.get()).await;
    });
}
