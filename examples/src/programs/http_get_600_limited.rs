//! 600 HTTP requests and file descriptors for fewer, but only 500 of them at the same time.

use std::sync::{Arc, Mutex};
use weftwork::sync::Semaphore;
use weftwork::wait;
use weftwork_examples::{Server, get, limit_descriptors, run};

/// There are other cores: whoever counts locks, and prints before the next one counts.
static COUNT: Mutex<u32> = Mutex::new(0);

async fn get_http(url: String, semaphore: Arc<Semaphore>) {
    let _permit = semaphore.acquire().await.unwrap();
    let response = get(&url).await.unwrap();
    {
        let mut count = COUNT.lock().unwrap();
        *count += 1;
        println!("{count} {}", response.status());
    }
    // The permit goes back after the descriptor.
    response.close().await.unwrap();
}

/// Runs the program.
pub fn main() {
    let server = Server::start().unwrap();
    limit_descriptors(560).unwrap();
    run(async {
        let semaphore = Arc::new(Semaphore::new(500));
        wait((0..600).map(|i| get_http(server.url(i), Arc::clone(&semaphore)))).await;
    });
}
