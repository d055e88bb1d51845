//! 600 HTTP requests at the same time, and file descriptors for fewer: some of them fail.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use weftwork::gather;
use weftwork_examples::{Barrier, Server, get, limit_descriptors, run, strerror};

async fn get_http(url: String, all_tried: Arc<Barrier>) -> io::Result<u16> {
    let response = get(&url).await;
    // At the same time: no connection is closed before each request has been tried.
    all_tried.wait().await;
    let response = response?;
    let status = response.status();
    response.close().await?;
    Ok(status)
}

/// Runs the program.
pub fn main() {
    let server = Server::start().unwrap();
    limit_descriptors(560).unwrap();
    run(async {
        let all_tried = Arc::new(Barrier::new(600));
        let results =
            gather((0..600).map(|i| get_http(server.url(i), Arc::clone(&all_tried)))).await;

        let mut statuses = BTreeSet::new();
        let mut errors = BTreeSet::new();
        for (i, result) in results.iter().enumerate() {
            match result {
                Ok(status) => drop(statuses.insert(status.to_string())),
                Err(error) => {
                    eprintln!("request {i} failed: {error}");
                    errors.insert(strerror(error));
                }
            }
        }
        let list = |texts: BTreeSet<String>| Vec::from_iter(texts).join(", ");
        println!("requests that came to an end: {}", results.len());
        println!("statuses: {}", list(statuses));
        println!("errors: {}", list(errors));
    });
}
