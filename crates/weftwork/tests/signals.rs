//! Listening to signals. They are the process's, so these tests run one at a time.

#![cfg(unix)]

mod common;

use common::{On, Watchdog, each, foreign_block_on, on, settle, started};
use futures::{FutureExt, StreamExt};
use std::io;
use std::sync::mpsc;
use weftwork::signal;
use weftwork::signal::unix::{Signal, SignalKind, signal};
use weftwork::{Runtime, catch, gather, spawn};
use weftwork_std_or_loom::{Mutex, MutexGuard};

const INT: SignalKind = SignalKind::interrupt();
const USR1: SignalKind = SignalKind::user_defined1();
const USR2: SignalKind = SignalKind::user_defined2();

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Without a listener the signal would end the tests.
fn alone() -> (MutexGuard<'static, ()>, [Signal; 3]) {
    let guard = ONE_AT_A_TIME.lock();
    (guard, [INT, USR1, USR2].map(|kind| signal(kind).unwrap()))
}

/// When it returns, the handler has run.
fn raise(kind: SignalKind) {
    weftwork_io_driver::signal::raise(kind.as_raw()).unwrap();
}

fn usr1() -> Signal {
    signal(USR1).unwrap()
}

/// All signals that were raised before have been dispatched then.
async fn dispatched() {
    let mut last = signal(USR2).unwrap();
    raise(USR2);
    last.recv().await;
}

#[test]
fn every_listener_hears_of_a_signal() {
    let _alone = alone();
    each(|| async {
        let listeners = (0..10).map(|_| usr1());
        let tasks: Vec<_> = listeners
            .map(|mut listener| spawn(async move { listener.next().await }))
            .collect();
        let interrupts: Vec<_> = (0..10).map(|_| spawn(signal::ctrl_c())).collect();
        settle().await;
        raise(USR1);
        assert_eq!(gather(tasks).await, [Some(()); 10]);
        assert!(interrupts.iter().all(|task| !task.done()));
        raise(INT);
        for interrupt in gather(interrupts).await {
            interrupt.unwrap();
        }
    });
}

#[test]
fn it_listens_from_the_call_on_and_signals_before_a_look_are_one() {
    let _alone = alone();
    each(|| async {
        let interrupt = signal::ctrl_c();
        let mut listener = usr1();
        for _ in 0..3 {
            raise(USR1);
        }
        raise(INT);
        dispatched().await;
        assert_eq!(listener.next().now_or_never(), Some(Some(())));
        assert_eq!(listener.next().now_or_never(), None);
        raise(USR1);
        listener.recv().await;
        assert!(interrupt.now_or_never().unwrap().is_ok());
    });
}

#[test]
fn a_dropped_or_cancelled_wait_takes_nothing() {
    let _alone = alone();
    each(|| async {
        let mut listener = usr1();
        assert_eq!(listener.recv().now_or_never(), None);
        raise(USR1);
        dispatched().await;
        // Woken by the signal and by the cancel: the cancel wins, the signal stays.
        let waiting = started(|reached| async move {
            reached.send(()).unwrap();
            let caught = catch(async {
                weftwork::current_task().unwrap().cancel();
                weftwork::yield_now().await;
                listener.recv().await;
            });
            assert!(caught.await.unwrap_err().is_cancelled());
            listener.recv().await;
        });
        waiting.await.await;
    });
}

/// The signal and the cancel are both there before the task has a turn.
#[test]
fn a_cancel_wins_over_a_signal_that_then_is_there_still() {
    let _alone = alone();
    on(&[On::Local], |_| async {
        let mut listener = usr1();
        let waiting = started(|reached| async move {
            reached.send(()).unwrap();
            let caught = catch(listener.recv()).await;
            (caught.is_err(), listener.recv().now_or_never())
        });
        let waiting = waiting.await;
        let mut later = usr1();
        raise(USR1);
        // This thread is the only worker, so nobody else has a turn.
        let heard = std::thread::spawn(move || foreign_block_on(later.recv()));
        heard.join().unwrap();
        waiting.cancel();
        assert_eq!(waiting.await, (true, Some(())));
    });
}

#[test]
fn one_that_ended_does_not_keep_a_signal_from_the_others() {
    let _alone = alone();
    let _watchdog = Watchdog::start();
    let mut kept = usr1();
    let first = Runtime::new().unwrap();
    let mut frozen = usr1();
    first.block_on(async {
        assert_eq!(frozen.recv().now_or_never(), None);
        spawn(async { usr1().recv().await }).detach();
        settle().await;
    });
    let second = Runtime::new().unwrap();
    let ended = second.handle().spawn(async { usr1().recv().await });
    second.block_on(settle());
    second.close().unwrap();
    assert!(ended.cancelled());
    raise(USR1);
    let third = std::thread::spawn(move || {
        weftwork::run(kept.recv());
        kept
    });
    let mut kept = third.join().unwrap();
    // A runtime at rest hears of it when it is entered again.
    first.block_on(frozen.recv());
    raise(USR1);
    foreign_block_on(kept.recv());
}

#[test]
fn several_runtimes_listen_at_a_time() {
    let _alone = alone();
    let _watchdog = Watchdog::start();
    let (ready, is_ready) = mpsc::channel();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let ready = ready.clone();
            std::thread::spawn(move || {
                weftwork::run(async move {
                    let interrupt = signal::ctrl_c();
                    ready.send(()).unwrap();
                    interrupt.await
                })
            })
        })
        .collect();
    for _ in 0..4 {
        is_ready.recv().unwrap();
    }
    raise(INT);
    for thread in threads {
        thread.join().unwrap().unwrap();
    }
}

#[test]
fn what_cannot_be_listened_to_is_an_error_that_says_so() {
    for number in [0, -1, 9, 11, 19, 127, 128, 255, i32::MAX] {
        let error = signal(SignalKind::from_raw(number)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{number}");
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("signal {number} cannot be listened to: ")),
            "{text}"
        );
    }
}

#[test]
fn kinds_have_numbers_and_names() {
    assert_eq!(SignalKind::interrupt().as_raw(), 2);
    assert_eq!(i32::from(SignalKind::from(15)), 15);
    assert_eq!(
        format!("{:?}", SignalKind::terminate()),
        "SignalKind(SIGTERM)"
    );
    assert_eq!(SignalKind::from_raw(40).to_string(), "signal 40");
}

/// Listeners come and go while signals come; one that stays misses no last signal.
#[test]
fn a_storm_of_signals_and_listeners() {
    let _alone = alone();
    each(|| async {
        let mut kept: Vec<_> = (0..3).map(|_| usr1()).collect();
        let storm = weftwork::spawn_blocking(|| {
            for _ in 0..300 {
                raise(USR1);
            }
        });
        let comers = gather((0..8).map(|_| async {
            for _ in 0..50 {
                let mut listener = usr1();
                let _ = listener.recv().now_or_never();
                weftwork::yield_now().await;
            }
        }));
        comers.await;
        storm.await;
        dispatched().await;
        for listener in &mut kept {
            assert_eq!(listener.recv().now_or_never(), Some(()));
            assert_eq!(listener.recv().now_or_never(), None);
        }
    });
}
