//! How each runtime accepts connections: one task accepts and spawns one for each connection. Beside
//! them so many tasks as `busy` says compute all the time.

use std::future::Future;
use std::io;
use std::net::TcpListener;

use smol::Async;

use super::busy;

/// Weftwork's accepting task is the main future, on one of the workers.
pub(super) fn on_weftwork<F>(
    listener: TcpListener,
    workers: usize,
    busy: usize,
    handle: fn(weftwork::net::TcpStream) -> F,
) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let runtime = weftwork::Runtime::builder().workers(workers).build()?;
    runtime.block_on(async {
        for task in busy::tasks(busy, weftwork::yield_now) {
            weftwork::spawn(task).detach();
        }
        let listener = weftwork::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            weftwork::spawn(handle(stream)).detach();
        }
    })
}

/// Tokio's is spawned, because its main future is on no worker.
pub(super) fn on_tokio<F>(
    listener: TcpListener,
    workers: usize,
    busy: usize,
    handle: fn(tokio::net::TcpStream) -> F,
) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()?;
    listener.set_nonblocking(true)?;
    runtime.block_on(async {
        for task in busy::tasks(busy, tokio::task::yield_now) {
            tokio::spawn(task);
        }
        let accepting = tokio::spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                tokio::spawn(handle(stream));
            }
        });
        accepting.await?
    })
}

/// smol's too. The number of its threads is in the environment.
pub(super) fn on_smol<F>(
    listener: TcpListener,
    busy: usize,
    handle: fn(smol::net::TcpStream) -> F,
) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    smol::block_on(smol::spawn(async move {
        for task in busy::tasks(busy, smol::future::yield_now) {
            smol::spawn(task).detach();
        }
        let listener = smol::net::TcpListener::from(Async::new(listener)?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            smol::spawn(handle(stream)).detach();
        }
    }))
}
