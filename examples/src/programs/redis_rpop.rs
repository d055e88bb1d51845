//! Producer and consumer with Redis between them: a plain thread polls, and feeds a loop.

use redis::{Commands, RedisResult};
use std::thread;
use std::time::Duration;
use weftwork::{Handle, Task, sleep};
use weftwork_examples::redis::RedisServer;
use weftwork_examples::{background, seconds};

async fn thread_example(name: String) -> String {
    println!("正在执行name: {name}");
    sleep(seconds(2.0)).await;
    format!("返回结果：{name}")
}

fn get_redis(url: &str) -> RedisResult<redis::Connection> {
    redis::Client::open(url)?.get_connection()
}

fn producer(url: &str, queue: &str) -> RedisResult<()> {
    let mut redis_conn = get_redis(url)?;
    for message in ["1", "2", "3", "4"] {
        let _: usize = redis_conn.lpush(queue, message)?;
    }
    Ok(())
}

/// The tutorial's polls for ever; this one ends after four messages.
fn consumer(url: &str, queue: &str, new_loop: &Handle) -> RedisResult<Vec<Task<String>>> {
    let mut redis_conn = get_redis(url)?;
    let mut futures = Vec::new();
    while futures.len() < 4 {
        let message: Option<String> = redis_conn.rpop(queue, None)?;
        match message {
            Some(message) => {
                futures.push(new_loop.spawn(thread_example(format!("Zarten{message}"))));
            }
            None => thread::sleep(Duration::from_millis(1)),
        }
    }
    Ok(futures)
}

/// Runs the program.
pub fn main() {
    let server = RedisServer::start_or_exit();
    let url = server.url();
    // A server of somebody else's may have a list of the tutorial's name.
    let queue = format!("coro_test:{}", std::process::id());
    let new_loop = background().daemon();

    let futures = thread::scope(|scope| {
        let consumer = scope.spawn(|| consumer(url, &queue, &new_loop));
        producer(url, &queue).unwrap();
        consumer.join().unwrap().unwrap()
    });
    for future in futures {
        println!("{}", future.blocking_result(None).unwrap());
    }
}
