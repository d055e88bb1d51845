//! Ten HTTP requests at the same time, each one on a connection of its own.

use std::sync::Mutex;
use weftwork::wait;
use weftwork_examples::{Server, get, run};

/// There are other cores: whoever counts locks, and prints before the next one counts.
static COUNT: Mutex<u32> = Mutex::new(0);

async fn get_http(url: String) {
    let response = get(&url).await.unwrap();
    {
        let mut count = COUNT.lock().unwrap();
        *count += 1;
        println!("{count} {}", response.status());
    }
    response.close().await.unwrap();
}

/// Runs the program.
pub fn main() {
    let server = Server::start().unwrap();
    run(async {
        wait((0..10).map(|i| get_http(server.url(i)))).await;
    });
}
