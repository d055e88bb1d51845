//! Raising a caught end again: `or_resume`, `resume`.

mod common;

use common::{Log, each, settle, started, stuck_at};
use weftwork::sync::oneshot;
use weftwork::{RaiseExt, ResumeExt, TaskError, catch, shielded, spawn};

#[test]
fn the_idiom_of_body_and_cleanup_that_borrow_the_same() {
    each(|| async {
        #[derive(Default)]
        struct Connection(Log);
        impl Connection {
            async fn work(&mut self, way: u8, reached: oneshot::Sender<()>) -> u8 {
                self.0.add("work");
                match way {
                    0 => 7,
                    1 => panic!("broken"),
                    _ => stuck_at(reached).await,
                }
            }
            async fn close(&mut self) {
                settle().await;
                self.0.add("close");
            }
        }
        for way in 0..3 {
            let log = Log::default();
            let connection = Connection(log.clone());
            let (reached, is_reached) = oneshot::channel();
            let task = spawn(async move {
                let mut connection = connection;
                let result = catch(connection.work(way, reached)).await;
                shielded(connection.close()).await;
                let value = result.or_resume().await;
                connection.0.add("value");
                value
            });
            let _ = is_reached.await;
            if way == 2 {
                task.cancel();
                task.cancel();
            }
            match (way, task.outcome().await) {
                (0, Ok(7)) => assert_eq!(log.get(), ["work", "close", "value"]),
                (1, Err(TaskError::Panicked(_))) | (2, Err(TaskError::Cancelled(_))) => {
                    assert_eq!(log.get(), ["work", "close"]);
                }
                (way, end) => panic!("way {way}: {end:?}"),
            }
        }
    });
}

#[test]
fn resuming_a_cancel_raises_it_with_its_message() {
    each(|| async {
        let task = started(|reached| async move {
            match catch(stuck_at::<u8>(reached)).await {
                Ok(value) => value,
                Err(TaskError::Cancelled(cause)) => cause.resume().await,
                Err(error) => Err(error).or_resume().await,
            }
        })
        .await;
        task.cancel_with("on");
        let Err(TaskError::Cancelled(cause)) = task.outcome().await else {
            panic!("swallowed")
        };
        assert_eq!(cause.msg(), Some("on"));
        let task = spawn(async { catch(async { panic!("again") }).await.or_resume().await });
        let end = task.outcome().await;
        assert_eq!(end.unwrap_err().to_string(), "panicked: again");
        assert_eq!(Ok::<_, TaskError>(5).or_resume().await, 5);
    });
}

#[test]
fn a_resumed_cancel_is_caught_by_the_catch_around_it() {
    each(|| async {
        let task = started(|reached| async move {
            let outer = catch(async move {
                let inner = catch(stuck_at::<()>(reached)).await;
                inner.or_resume().await;
                unreachable!("it was raised");
            });
            outer.await.unwrap_err().is_cancelled()
        })
        .await;
        task.cancel();
        assert!(task.await);
    });
}
