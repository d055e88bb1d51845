//! The trap: a sleep of the thread, inside of a task. It holds up the one thread of `run_local`; on
//! workers it is harmless.

use std::thread;
use weftwork::{gather, sleep, spawn_blocking};
use weftwork_examples::{run, seconds};

async fn ticker(name: &str) {
    for i in 0..3 {
        println!("{name} tick {i}");
        sleep(seconds(0.2)).await;
    }
}

async fn trap() {
    println!("trap: time.sleep begins");
    thread::sleep(seconds(2.0));
    println!("trap: time.sleep ends");
}

async fn cure() {
    println!("cure: to_thread begins");
    spawn_blocking(|| thread::sleep(seconds(2.0))).await;
    println!("cure: to_thread ends");
}

/// Runs the program.
pub fn main() {
    run(async {
        // On one thread the ticks have to wait for the sleep. On workers, also on a single one, they
        // go on: another worker runs them, or a spare, for they are a task of their own.
        gather!(trap(), ticker("trap:")).await;
        // Here they tick on one thread, too.
        gather!(cure(), ticker("cure:")).await;
    });
}
