//! Producer and consumer: two plain threads, a deque between them, and a loop that they feed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use weftwork::{Handle, Task, sleep};
use weftwork_examples::{background, seconds};

/// What the producer puts in; none ends the consumer.
type Deque = Arc<Mutex<VecDeque<Option<String>>>>;

async fn thread_example(name: String) -> String {
    println!("正在执行name: {name}");
    sleep(seconds(2.0)).await;
    format!("返回结果：{name}")
}

fn consumer(dq: &Deque, new_loop: &Handle) -> Vec<Task<String>> {
    let mut futures = Vec::new();
    loop {
        let message = dq.lock().unwrap().pop_back();
        match message {
            Some(Some(message)) => {
                futures.push(new_loop.spawn(thread_example(format!("Zarten{message}"))));
            }
            Some(None) => return futures,
            None => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Runs the program.
pub fn main() {
    let dq = Deque::default();
    let new_loop = background().daemon();

    let consumer_thread = thread::spawn({
        let dq = Arc::clone(&dq);
        move || consumer(&dq, &new_loop)
    });

    // The tutorial draws numbers for ever; these are three, and then it ends.
    for i in [7, 2, 9] {
        dq.lock().unwrap().push_front(Some(i.to_string()));
        thread::sleep(seconds(2.0));
    }
    dq.lock().unwrap().push_front(None);

    for future in consumer_thread.join().unwrap() {
        println!("{}", future.blocking_result(None).unwrap());
    }
}
