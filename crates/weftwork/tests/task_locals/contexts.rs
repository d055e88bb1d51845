//! Contexts as values, tokens, scopes.

use crate::common::{self, Log, each, forever, panic_of, started};
use crate::{NAME, NUMBER, number};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use weftwork::context::{Context, copy_context};
use weftwork::sync::oneshot;
use weftwork::testing::{Cut, sweep, sweep_drops};
use weftwork::{Task, catch, current_task, finally, spawn, spawn_blocking, task_local, yield_now};
use weftwork_std_or_loom::atomic::{AtomicU32, Ordering::SeqCst};

#[test]
fn a_context_keeps_what_is_set_in_it() {
    each(|| async {
        NUMBER.set(1);
        let mut context = copy_context();
        NUMBER.set(2);
        let given = context.run(|| {
            assert_eq!(NUMBER.get(), Ok(1));
            NUMBER.set(3);
            NAME.set("inside".to_owned());
            "given"
        });
        assert_eq!(given, "given");
        assert_eq!((NUMBER.get(), NAME.get().is_ok()), (Ok(2), false));
        assert_eq!(NUMBER.get_in(&context), Ok(3));
        assert_eq!((context.len(), context.is_empty()), (2, false));
        assert_eq!(context.run(|| NUMBER.get()), Ok(3));
        assert!(Context::new().is_empty());
        let text = format!("{context:?}");
        assert!(text == r#"Context {"NAME", "NUMBER"}"# || text == r#"Context {"NUMBER", "NAME"}"#);
    });
}

#[test]
fn contexts_nest_and_what_is_started_in_them_inherits() {
    each(|| async {
        NUMBER.set(1);
        let (mut outer, mut inner) = (Context::new(), Context::new());
        let task = outer.run(|| {
            NUMBER.set(2);
            inner.run(|| {
                assert_eq!(NUMBER.get(), Ok(0));
                NUMBER.set(3);
            });
            assert_eq!(NUMBER.get(), Ok(2));
            spawn(number())
        });
        assert_eq!(task.await, 2);
        assert_eq!((NUMBER.get(), NUMBER.get_in(&inner)), (Ok(1), Ok(3)));
    });
}

#[test]
fn a_panic_in_a_context_leaves_it_and_keeps_what_was_set() {
    each(|| async {
        NUMBER.set(1);
        let mut context = Context::new();
        let text = panic_of(|| {
            context.run(|| {
                NUMBER.set(2);
                panic!("oh");
            })
        });
        assert_eq!(text, "oh");
        assert_eq!((NUMBER.get(), NUMBER.get_in(&context)), (Ok(1), Ok(2)));
    });
}

#[test]
fn a_task_that_is_polled_within_a_context_has_its_own() {
    each(|| async {
        let mut context = copy_context();
        context.run(|| {
            NUMBER.set(5);
            let eager = Task::builder().eager(true);
            let task = eager.context(Context::new()).spawn(async {
                assert_eq!(NUMBER.get(), Ok(0));
                NUMBER.set(6);
            });
            drop(task);
            assert_eq!(NUMBER.get(), Ok(5));
        });
        // A whole runtime, seen from a thread that is in a context.
        let seen = spawn_blocking(|| {
            let mut context = Context::new();
            context.run(|| {
                NUMBER.set(8);
                let inside = weftwork::run(async {
                    NUMBER.set(9);
                    spawn(number()).await
                });
                (inside, NUMBER.get().unwrap())
            })
        });
        assert_eq!(seen.await, (9, 8));
    });
}

#[test]
fn tasks_can_be_given_a_context() {
    each(|| async {
        let mut context = Context::new();
        context.run(|| NUMBER.set(4));
        let give = |context: &Context| Task::builder().context(context.clone());
        let task = give(&context).spawn(async {
            NUMBER.set(NUMBER.get().unwrap() + 1);
            number().await
        });
        assert_eq!(task.await, 5);
        assert_eq!(give(&context).spawn(number()).await, 4, "each has a copy");
        assert_eq!(NUMBER.get(), Ok(0));
    });
}

#[test]
fn the_context_of_a_task_can_be_looked_at() {
    each(|| async {
        let (go, is_going) = oneshot::channel::<()>();
        NUMBER.set(1);
        let task = started(|reached| async move {
            NUMBER.set(2);
            reached.send(()).unwrap();
            let _ = is_going.await;
        });
        let task = task.await;
        let context = task.control().context();
        assert_eq!(NUMBER.get_in(&context), Ok(2));
        assert_eq!(NUMBER.get_in(&current_task().unwrap().context()), Ok(1));
        go.send(()).unwrap();
        task.finished().await;
        assert!(task.control().context().is_empty());
        let idle = Task::builder()
            .context(Context::new())
            .spawn(forever::<()>());
        assert!(idle.control().context().is_empty());
        idle.cancel();
    });
}

#[test]
fn a_token_sets_back_what_was_before() {
    each(|| async {
        let first = NUMBER.set(1);
        let second = NUMBER.set(2);
        assert_eq!((first.old_value(), second.old_value()), (None, Some(&1)));
        assert_eq!(second.var().name(), "NUMBER");
        // In another order than asyncio's users should choose, with its result.
        NUMBER.reset(first).unwrap();
        assert_eq!(NUMBER.get(), Ok(0));
        NUMBER.reset(second).unwrap();
        assert_eq!(NUMBER.get(), Ok(1));
        let token = NAME.set("x".to_owned());
        yield_now().await;
        NAME.reset(token).unwrap();
        assert!(NAME.get().is_err());
    });
}

#[test]
fn a_token_from_elsewhere_is_refused_and_comes_back() {
    task_local! {
        static OTHER: u32;
    }
    each(|| async {
        let token = NUMBER.set(1);
        let error = OTHER.reset(token).unwrap_err();
        let text = "a token of the task local NUMBER was given to OTHER: call `NUMBER.reset`";
        assert_eq!(error.to_string(), text);
        let token = error.into_token();
        let child = spawn(async {
            NUMBER.set(2);
            let error = NUMBER.reset(token).unwrap_err();
            assert!(error.to_string().contains("another task or context"));
            assert_eq!(NUMBER.get(), Ok(2), "it is as it was");
            error.into_token()
        });
        let token = child.await;
        let token = copy_context().run(|| NUMBER.reset(token).unwrap_err().into_token());
        NUMBER.reset(token).unwrap();
        assert_eq!(NUMBER.get(), Ok(0));

        // Of a context, in and outside of it, and of two callbacks.
        let mut context = Context::new();
        let token = context.run(|| NUMBER.set(3));
        let token = NUMBER.reset(token).unwrap_err().into_token();
        let mut copy = context.clone();
        let token = copy.run(|| NUMBER.reset(token).unwrap_err().into_token());
        context.run(|| NUMBER.reset(token)).unwrap();
        assert_eq!(NUMBER.get_in(&context), Ok(0));
    });
}

#[test]
fn a_scope_is_for_its_future_only() {
    each(|| async {
        NUMBER.set(1);
        let work = async {
            assert_eq!(NUMBER.get(), Ok(2));
            yield_now().await;
            let inherits = spawn(number());
            NUMBER.set(3);
            NAME.set("of the task".to_owned());
            yield_now().await;
            (inherits.await, NUMBER.get().unwrap())
        };
        let beside = async {
            for _ in 0..10 {
                assert_eq!(NUMBER.get(), Ok(1));
                yield_now().await;
            }
        };
        let nested = NUMBER.scope(4, NUMBER.scope(5, number()));
        let (seen, (), nested) = futures::join!(NUMBER.scope(2, work), beside, nested);
        assert_eq!((seen, nested), ((2, 3), 5));
        assert_eq!(NUMBER.get(), Ok(1));
        assert_eq!(
            NAME.get().as_deref(),
            Ok("of the task"),
            "only its own local is the scope's"
        );
    });
}

#[test]
fn a_scope_is_left_by_a_panic_and_a_cancel() {
    each(|| async {
        struct Seen(Arc<AtomicU32>);
        impl Drop for Seen {
            fn drop(&mut self) {
                self.0.store(NUMBER.get().unwrap(), SeqCst);
            }
        }
        let seen = Arc::new(AtomicU32::new(0));
        let last = || seen.load(SeqCst);

        // Dropped with the value in place, by whoever drops it.
        let guard = Seen(Arc::clone(&seen));
        let scope = NUMBER.scope(2, async move {
            let _guard = guard;
            forever::<()>().await;
        });
        let mut scope = Box::pin(scope);
        assert!(futures::poll!(&mut scope).is_pending());
        assert_eq!(NUMBER.get(), Ok(0));
        drop(scope);
        assert_eq!((last(), NUMBER.get()), (2, Ok(0)));

        // By a cancel of its task.
        let guard = Seen(Arc::clone(&seen));
        let task = started(|reached| {
            NUMBER.scope(3, async move {
                let _guard = guard;
                common::stuck_at::<()>(reached).await;
            })
        });
        let task = task.await;
        task.cancel();
        task.finished().await;
        assert_eq!(last(), 3);

        // By a panic.
        let panics = NUMBER.scope(4, async { panic!("oh") });
        let caught = catch_unwind(AssertUnwindSafe(|| NUMBER.sync_scope(5, || panic!("oh"))));
        assert!(caught.is_err() && NUMBER.get() == Ok(0));
        assert!(catch::<_>(panics).await.is_err());
        assert_eq!(NUMBER.get(), Ok(0));
        assert_eq!(NUMBER.sync_scope(6, || NUMBER.get()), Ok(6));
    });
}

#[test]
fn a_scope_is_whole_wherever_a_cancel_or_a_drop_strikes() {
    each(|| async {
        let log = Log::default();
        let once = async |cut: &Cut| {
            let (inner, outer) = (log.clone(), log.clone());
            let work = async move {
                let body = async {
                    for _ in 0..3 {
                        assert_eq!(NUMBER.get(), Ok(2));
                        yield_now().await;
                    }
                };
                let cleanup = async move {
                    yield_now().await;
                    inner.add(format!("clean-up {:?}", NUMBER.get()));
                };
                finally(body, cleanup).await;
            };
            let around = async move {
                NUMBER.set(1);
                let scope = catch(NUMBER.scope(2, work)).await;
                outer.add(format!("outside {:?}", NUMBER.get()));
                assert!(scope.is_ok() || NUMBER.get() == Ok(1));
            };
            let _ = cut.run(around).await;
        };
        assert!(sweep(once).await.points() >= 4);
        assert!(sweep_drops(once).await.points() >= 4);
        assert!(log.len() > 8);
        for line in log.get() {
            assert!(
                line == "clean-up Ok(2)" || line == "outside Ok(1)",
                "{line}"
            );
        }
    });
}
