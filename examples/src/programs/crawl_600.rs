//! A crawler: 600 pages, of which 50 are fetched at the same time, and a table of what came.

use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::sync::Arc;
use weftwork::sync::Semaphore;
use weftwork::{buffered, gather};
use weftwork_examples::{Server, run};
use weftwork_http::{Client, Error};

const PAGES: u32 = 600;
const AT_ONCE: usize = 50;

/// What came of one page: its word, the status, the length.
type Page = (u32, u16, usize);

/// A client, a server to ask, and a bar that shows how far they are, if there is a terminal.
#[derive(Clone)]
struct Crawler {
    client: Client,
    server: Arc<Server>,
    bar: ProgressBar,
}

impl Crawler {
    async fn fetch(self, word: u32) -> Result<Page, Error> {
        let response = self.client.get(self.server.url(word)).send().await?;
        let status = response.status().as_u16();
        let length = response.bytes().await?.len();
        self.bar.inc(1);
        Ok((word, status, length))
    }

    /// A task for each page, of which so many run at the same time.
    async fn with_semaphore(&self) -> Vec<Result<Page, Error>> {
        let semaphore = Arc::new(Semaphore::new(AT_ONCE));
        let limited = (0..PAGES).map(|word| {
            let (crawler, semaphore) = (self.clone(), Arc::clone(&semaphore));
            async move {
                let _permit = semaphore.acquire().await.unwrap();
                crawler.fetch(word).await
            }
        });
        gather(limited).await
    }

    /// So many tasks at a time, which is all that a pool of workers is for.
    async fn with_buffered(&self) -> Vec<Result<Page, Error>> {
        let fetches = (0..PAGES).map(|word| self.clone().fetch(word));
        buffered(fetches, AT_ONCE).await
    }
}

fn table(title: &str, fetched: Vec<Result<Page, Error>>) {
    let mut rows = BTreeMap::<_, (usize, usize)>::new();
    for page in fetched {
        let (word, status, length) = page.unwrap();
        let digits = format!("{} digits", word.to_string().len());
        // The sum stands below the others.
        for row in [(false, digits, status), (true, "all".into(), status)] {
            let (pages, bytes) = rows.entry(row).or_default();
            *pages += 1;
            *bytes += length;
        }
    }
    println!("{title}");
    println!(
        "{:10} {:>6} {:>6} {:>7}",
        "words of", "status", "pages", "bytes"
    );
    for ((_, row, status), (pages, bytes)) in rows {
        println!("{row:10} {status:>6} {pages:>6} {bytes:>7}");
    }
}

/// Runs the program.
pub fn main() {
    let server = Arc::new(Server::start().unwrap());
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec}, {eta} left");
    let bar = ProgressBar::new(2 * u64::from(PAGES)).with_style(style.unwrap());
    run(async {
        let crawler = Crawler {
            client: Client::new(),
            server,
            bar,
        };
        let by_semaphore = crawler.with_semaphore().await;
        let by_buffered = crawler.with_buffered().await;
        crawler.bar.finish_and_clear();
        table("with a semaphore", by_semaphore);
        table("with workers", by_buffered);
    });
}
