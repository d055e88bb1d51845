//! Signals: one that came while nobody waited is there for the next wait.

use crate::common::settle;
use crate::knife::swept;
use futures::StreamExt;
use std::sync::Arc;
use weftwork::signal::ctrl_c;
use weftwork::signal::unix::{SignalKind, signal};
use weftwork::sync::Mutex;
use weftwork::{spawn, yield_now};
use weftwork_io_driver::signal::raise;

#[test]
fn a_signal() {
    const USR1: SignalKind = SignalKind::user_defined1();
    for as_stream in [false, true] {
        swept("Signal::recv, Signal", async |knife| {
            let listener = Arc::new(Mutex::new(signal(USR1).unwrap()));
            let inner = Arc::clone(&listener);
            let sender = spawn(async {
                settle().await;
                raise(USR1.as_raw()).unwrap();
            });
            let end = knife
                .run(async move {
                    let mut listener = inner.lock().await;
                    match as_stream {
                        true => assert_eq!(listener.next().await, Some(())),
                        false => listener.recv().await,
                    }
                })
                .await;
            sender.await;
            if end.is_err() {
                listener.lock().await.recv().await;
            }
        });
    }
}

/// The listener that was given up takes nothing from the other one.
#[test]
fn ctrl_c_at_the_terminal() {
    swept("Interrupt", async |knife| {
        let (given_up, other) = (ctrl_c(), ctrl_c());
        let sender = spawn(async {
            settle().await;
            raise(SignalKind::interrupt().as_raw()).unwrap();
        });
        let _ = knife.run(given_up).await;
        sender.await;
        other.await.unwrap();
        yield_now().await;
    });
}
