//! Every combinator is cancelled, and dropped, at each of its awaits: nothing is lost, nothing
//! goes on that should not.

mod common;

use common::{Counter, EVERYWHERE, LONG, On, each, on, settle, until};
use futures::stream::StreamExt;
use futures::{AsyncReadExt, AsyncWriteExt};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use weftwork::net::{TcpListener, TcpStream};
use weftwork::sync::{Queue, Semaphore};
use weftwork::testing::{Sweep, sweep, sweep_drops};
use weftwork::time::interval;
use weftwork::{
    Task, TaskGroup, TaskSet, all_tasks, as_completed, buffered, catch, finally, gather, race,
    shield, shielded, sleep, spawn, task_group, timeout, try_gather, wait, wait_for, yield_now,
};

/// Children that clean up, and what there is to say of them.
#[derive(Clone, Default)]
struct Children {
    begun: Counter,
    cleaned: Counter,
    ended: Counter,
}

impl Children {
    /// Suspends a few times, then gives its number; cleans up in any case, if it has begun.
    fn child(&self, number: u32) -> impl Future<Output = u32> + Send + 'static + use<> {
        let Self {
            begun,
            cleaned,
            ended,
        } = self.clone();
        async move {
            begun.add();
            let body = async {
                for _ in 0..=number {
                    yield_now().await;
                }
                ended.add();
                number
            };
            let cleanup = async {
                yield_now().await;
                cleaned.add();
            };
            finally(body, cleanup).await
        }
    }

    fn some(&self) -> Vec<impl Future<Output = u32> + Send + 'static + use<>> {
        (0..3).map(|number| self.child(number)).collect()
    }

    /// No child is left, and each one that began has cleaned up.
    fn assert_all_over(&self) {
        assert_eq!(
            all_tasks().len(),
            1,
            "only the sweep itself: {:?}",
            all_tasks()
        );
        assert_eq!(self.begun.get(), self.cleaned.get());
    }

    /// The children were left alone: they all come to their end.
    async fn assert_left_alone(&self) {
        until(|| all_tasks().len() == 1).await;
        assert_eq!((self.ended.get(), self.cleaned.get()), (3, 3));
    }
}

/// What is asked of a sweep.
#[derive(Clone, Copy)]
struct Judge {
    /// On one thread the first await of a child suspends. On several it may have ended by then.
    suspends: bool,
}

impl Judge {
    /// At some awaits, and always with effect.
    fn always_struck(self, swept: Sweep) {
        assert_eq!(swept.points(), swept.struck(), "{swept}");
        assert!(swept.points() > 0 || !self.suspends, "{swept}");
    }
}

/// Runs a body everywhere.
fn judged<F: Future<Output = ()>>(body: impl Fn(Judge) -> F) {
    for kind in EVERYWHERE {
        let suspends = kind == On::Local;
        on(&[kind], |_| body(Judge { suspends }));
    }
}

#[test]
fn gathers() {
    judged(|judge| async move {
        judge.always_struck(
            sweep(async |cut| {
                let children = Children::default();
                let _ = cut.run(gather(children.some())).await;
                children.assert_all_over();
            })
            .await,
        );
        judge.always_struck(
            sweep(async |cut| {
                let children = Children::default();
                let _ = cut.run(gather(children.some()).return_exceptions()).await;
                children.assert_all_over();
            })
            .await,
        );
        judge.always_struck(
            sweep(async |cut| {
                let children = Children::default();
                let fallible = children.some().into_iter().map(|child| async {
                    let number = child.await;
                    Ok::<_, ()>(number)
                });
                let _ = cut.run(try_gather(fallible)).await;
                children.assert_all_over();
            })
            .await,
        );
        sweep_drops(async |cut| {
            let children = Children::default();
            let _ = cut.run(gather(children.some())).await;
            children.assert_left_alone().await;
        })
        .await;
    });
}

#[test]
fn waits_leave_the_tasks_alone() {
    async fn sweep_both(judge: Judge, run: impl AsyncFn(&weftwork::testing::Cut, Vec<Task<u32>>)) {
        for drops in [false, true] {
            let once = async |cut: &weftwork::testing::Cut| {
                let children = Children::default();
                let tasks = children.some().into_iter().map(spawn).collect();
                run(cut, tasks).await;
                children.assert_left_alone().await;
            };
            let swept = if drops {
                sweep_drops(once).await
            } else {
                sweep(once).await
            };
            judge.always_struck(swept);
        }
    }
    judged(|judge| async move {
        sweep_both(judge, async |cut, tasks| drop(cut.run(wait(tasks)).await)).await;
        sweep_both(judge, async |cut, tasks| {
            drop(cut.run(as_completed(tasks).collect::<Vec<_>>()).await)
        })
        .await;
        sweep_both(judge, async |cut, mut tasks| {
            let slowest = tasks.pop().unwrap();
            drop(cut.run(async move { shield(slowest).await }).await);
        })
        .await;
        sweep_both(judge, async |cut, mut tasks| {
            let slowest = tasks.pop().unwrap();
            drop(cut.run(async move { slowest.finished().await }).await);
        })
        .await;
    });
}

#[test]
fn task_groups() {
    judged(|judge| async move {
        let group = |children: Children| {
            task_group(async move |g: &TaskGroup| {
                for child in children.some() {
                    g.spawn(async {
                        child.await;
                    });
                }
                yield_now().await;
                children.child(1).await;
            })
        };
        judge.always_struck(
            sweep(async |cut| {
                let children = Children::default();
                let _ = cut.run(group(children.clone())).await;
                children.assert_all_over();
            })
            .await,
        );
        sweep_drops(async |cut| {
            let children = Children::default();
            let _ = cut.run(group(children.clone())).await;
            // Cancelled, and not waited for. A body that is dropped does not clean up.
            until(|| all_tasks().len() == 1).await;
            assert!(children.begun.get() - children.cleaned.get() <= 1);
        })
        .await;
    });
}

#[test]
fn a_task_group_that_fails_gives_its_errors_wherever_a_cancel_strikes() {
    each(|| async {
        sweep(async |cut| {
            let children = Children::default();
            let inner = children.clone();
            let end = cut.run(async move {
                let end = task_group(async |g| {
                    for child in inner.some() {
                        g.spawn(async {
                            let number = catch(child).await.unwrap_or(9);
                            Err::<(), _>(number)
                        });
                    }
                    yield_now().await;
                    Ok(())
                });
                end.await
            });
            match end.await {
                Ok(end) => assert!(!end.unwrap_err().is_empty()),
                // No child had begun.
                Err(error) => assert!(error.is_cancelled()),
            }
            children.assert_all_over();
        })
        .await;
    });
}

#[test]
fn races_and_buffered() {
    judged(|judge| async move {
        sweep(async |cut| {
            let children = Children::default();
            let _ = cut.run(race(children.some())).await;
            children.assert_all_over();
        })
        .await;
        judge.always_struck(
            sweep(async |cut| {
                let children = Children::default();
                let _ = cut.run(buffered(children.some(), 2)).await;
                children.assert_all_over();
            })
            .await,
        );
        judge.always_struck(
            sweep(async |cut| {
                let children = Children::default();
                let stream = buffered(children.some(), 2).unordered().stream();
                let _ = cut.run(stream.collect::<Vec<_>>()).await;
                children.assert_all_over();
            })
            .await,
        );
        sweep_drops(async |cut| {
            let children = Children::default();
            let _ = cut.run(race(children.some())).await;
            until(|| all_tasks().len() == 1).await;
            children.assert_all_over();
        })
        .await;
        sweep_drops(async |cut| {
            let children = Children::default();
            let _ = cut.run(buffered(children.some(), 2)).await;
            until(|| all_tasks().len() == 1).await;
            children.assert_all_over();
        })
        .await;
    });
}

#[test]
fn task_sets() {
    judged(|judge| async move {
        judge.always_struck(
            sweep(async |cut| {
                let children = Children::default();
                let inner = children.clone();
                let _ = cut
                    .run(async move {
                        let mut set = TaskSet::new();
                        for child in inner.some() {
                            set.spawn(child);
                        }
                        set.join_next().await;
                        yield_now().await;
                        set.shutdown().await;
                    })
                    .await;
                until(|| all_tasks().len() == 1).await;
                children.assert_all_over();
            })
            .await,
        );
    });
}

#[test]
fn timeouts() {
    judged(|judge| async move {
        judge.always_struck(
            sweep(async |cut| {
                let children = Children::default();
                let child = spawn(children.child(2));
                let _ = cut.run(timeout(LONG, child)).await;
                children.assert_all_over();
            })
            .await,
        );
        judge.always_struck(
            sweep(async |cut| {
                let children = Children::default();
                let _ = cut.run(wait_for(children.child(2), LONG)).await;
                children.assert_all_over();
            })
            .await,
        );
        // The deadline comes in the middle; the cancel of the task goes on whatever that did.
        sweep(async |cut| {
            let children = Children::default();
            let body = children.child(50);
            let _ = cut.run(timeout(Duration::from_micros(50), body)).await;
            children.assert_all_over();
        })
        .await;
    });
}

#[test]
fn scopes() {
    judged(|judge| async move {
        let swept = sweep(async |cut| {
            let end = cut.run(async {
                let caught = catch(async {
                    yield_now().await;
                    yield_now().await;
                });
                caught.await.is_err()
            });
            assert_eq!(end.await.unwrap(), cut.at() < 3);
        })
        .await;
        assert_eq!(swept.to_string(), "cancelled at 0/2 await points");

        judge.always_struck(
            sweep(async |cut| {
                let children = Children::default();
                let _ = cut.run(children.child(2)).await;
                children.assert_all_over();
            })
            .await,
        );
        judge.always_struck(
            sweep(async |cut| {
                let children = Children::default();
                let nested = finally(finally(children.child(1), settle_twice()), settle_twice());
                let _ = cut.run(nested).await;
                children.assert_all_over();
            })
            .await,
        );
        judge.always_struck(
            sweep(async |cut| {
                let ended = Counter::default();
                let seen = ended.clone();
                let _ = cut
                    .run(shielded(async move {
                        settle_twice().await;
                        seen.add();
                    }))
                    .await;
                assert_eq!(ended.get(), 1);
            })
            .await,
        );
    });
}

async fn settle_twice() {
    yield_now().await;
    yield_now().await;
}

#[test]
fn sleeping() {
    judged(|judge| async move {
        judge.always_struck(
            sweep(async |cut| {
                let _ = cut
                    .run(async {
                        sleep(Duration::ZERO).await;
                        sleep(Duration::from_micros(10)).await;
                        let mut ticks = interval(Duration::from_micros(10)).unwrap();
                        ticks.tick().await;
                        ticks.tick().await;
                    })
                    .await;
            })
            .await,
        );
    });
}

#[test]
fn queues_lose_no_item_and_semaphores_no_permit() {
    judged(|judge| async move {
        judge.always_struck(
            sweep(async |cut| {
                let queue = Queue::new(1);
                let (other, inner) = (queue.clone(), queue.clone());
                let got = Counter::default();
                let seen = got.clone();
                let producer = spawn(async move {
                    for n in 0..4 {
                        yield_now().await;
                        other.put(n).await.unwrap();
                    }
                });
                let _ = cut
                    .run(async move {
                        for _ in 0..4 {
                            inner.get().await.unwrap();
                            seen.add();
                            yield_now().await;
                        }
                    })
                    .await;
                while got.get() < 4 {
                    queue.get().await.unwrap();
                    got.add();
                }
                producer.await;
                assert!(queue.is_empty());
            })
            .await,
        );
        judge.always_struck(
            sweep(async |cut| {
                let semaphore = Arc::new(Semaphore::new(2));
                let (other, inner) = (Arc::clone(&semaphore), Arc::clone(&semaphore));
                let rival = spawn(async move {
                    for _ in 0..3 {
                        let _permit = other.acquire().await.unwrap();
                        yield_now().await;
                    }
                });
                let _ = cut
                    .run(async move {
                        for _ in 0..3 {
                            let _permits = inner.acquire_many(2).await.unwrap();
                            yield_now().await;
                        }
                    })
                    .await;
                rival.await;
                assert_eq!(semaphore.available_permits(), 2);
            })
            .await,
        );
    });
}

#[test]
fn sockets_lose_no_connection_and_no_byte() {
    each(|| async {
        sweep(async |cut| {
            let listener = Arc::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
            let addr = listener.local_addr().unwrap();
            let inner = Arc::clone(&listener);
            let client = spawn(async move {
                settle().await;
                let mut stream = TcpStream::connect(addr).await.unwrap();
                for n in 0..4_u8 {
                    yield_now().await;
                    stream.write_all(&[n]).await.unwrap();
                }
                let mut end = [0; 1];
                stream.read_exact(&mut end).await.unwrap();
                end[0]
            });
            // What was taken so far lives outside of what is cut.
            let state = Arc::new(weftwork_std_or_loom::Mutex::new((None, Vec::new())));
            let taken = Arc::clone(&state);
            let _ = cut.run(async move { serve(&inner, &taken, 2).await }).await;
            serve(&listener, &state, 4).await;
            let stream = state.lock().0.take().unwrap();
            (&*stream).write_all(&[7]).await.unwrap();
            assert_eq!(client.await, 7);
            assert_eq!(state.lock().1, [0, 1, 2, 3]);
        })
        .await;
    });
}

type State = weftwork_std_or_loom::Mutex<(Option<Arc<TcpStream>>, Vec<u8>)>;

/// Accepts the connection and reads the bytes that have not been taken.
async fn serve(listener: &TcpListener, state: &State, bytes: usize) {
    let accepted = state.lock().0.clone();
    let stream = match accepted {
        Some(stream) => stream,
        None => {
            let stream = Arc::new(listener.accept().await.unwrap().0);
            state.lock().0 = Some(Arc::clone(&stream));
            stream
        }
    };
    while state.lock().1.len() < bytes {
        let mut byte = [0; 1];
        (&*stream).read_exact(&mut byte).await.unwrap();
        state.lock().1.push(byte[0]);
    }
}

#[test]
fn a_sweep_says_where_a_check_failed() {
    each(|| async {
        let end = catch(sweep(async |cut| {
            let end = cut.run(settle_twice()).await;
            assert!(cut.at() < 2 || end.is_ok(), "lost");
        }));
        let text = end.await.unwrap_err().to_string();
        assert_eq!(text, "panicked: cancelled at await point 2: lost");
        let end = catch(sweep(async |_| {})).await.unwrap_err();
        assert!(end.to_string().contains("nothing was swept"), "{end}");
        let swept = sweep(async |cut| assert_eq!(cut.run(async { 3 }).await.unwrap(), 3)).await;
        assert_eq!((swept.points(), swept.struck()), (0, 0));
        let swept = sweep(async |cut| drop(cut.run(swallow_and_go_on()).await)).await;
        assert_eq!(swept.to_string(), "cancelled at 1/2 await points");
        let swept = sweep_drops(async |cut| {
            let end = cut.run(settle_twice()).await;
            let text = end.err().map(|error| error.to_string());
            let at = format!(": dropped at await point {}", cut.at());
            assert!(text.is_none_or(|text| text.ends_with(&at)));
        });
        assert_eq!(swept.await.to_string(), "dropped at 2/2 await points");
    });
}

/// Swallows a cancel at its first await, and not at its second.
async fn swallow_and_go_on() {
    let _ = catch(yield_now()).await;
    yield_now().await;
}
