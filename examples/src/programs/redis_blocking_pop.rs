//! Producer and consumer with Redis between them: a blocking pop in the loop, and no thread.

use redis::{AsyncCommands, RedisResult};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use weftwork::sync::CancellationToken;
use weftwork::{sleep, spawn};
use weftwork_examples::redis::{Consumer, RedisServer, connect};
use weftwork_examples::{run, seconds};

async fn thread_example(name: String) -> String {
    println!("正在执行name: {name}");
    sleep(seconds(2.0)).await;
    format!("返回结果：{name}")
}

async fn producer(url: String, queue: String) -> RedisResult<()> {
    let mut redis_conn = connect(&url).await?;
    for message in ["1", "2", "3", "4"] {
        let _: usize = redis_conn.lpush(&queue, message).await?;
    }
    Ok(())
}

async fn consumer(url: &str, queue: &str) -> RedisResult<()> {
    let stop = CancellationToken::new();
    // The tutorial's consumer goes on for ever; this one ends after four messages.
    let left = Arc::new(AtomicU32::new(4));
    let work = |message: Vec<u8>| {
        let (stop, left) = (stop.clone(), Arc::clone(&left));
        async move {
            let message = String::from_utf8_lossy(&message);
            println!("{}", thread_example(format!("Zarten{message}")).await);
            if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                stop.cancel();
            }
        }
    };
    Consumer::new(url, queue, "tour").run(&stop, work).await
}

/// Runs the program.
pub fn main() {
    let server = RedisServer::start_or_exit();
    // A server of somebody else's may have a list of the tutorial's name.
    let queue = format!("coro_test:{}", std::process::id());
    run(async {
        let producing = spawn(producer(server.url().to_owned(), queue.clone()));
        consumer(server.url(), &queue).await.unwrap();
        producing.await.unwrap();
    });
}
