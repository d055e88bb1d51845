//! Sockets: a server and its clients, some of which are cut off in the middle.

use crate::args::Leak;
use crate::books::{Account, check};
use crate::round::Round;
use futures::{AsyncReadExt, AsyncWriteExt};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use weftwork::net::{TcpListener, TcpStream};
use weftwork::{CancelOnDrop, TaskSet, gather, spawn, timeout};

/// So many clients are there at a time.
const CLIENTS: usize = 4;

/// A server that ends with what is given back.
async fn serve<F>(
    answer: impl Fn(TcpStream) -> F + Send + 'static,
) -> (SocketAddr, CancelOnDrop<()>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let addr = listener.local_addr().expect("it is bound");
    let server = spawn(async move {
        let mut answers = TaskSet::new();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(answers.spawn(answer(stream))),
                Err(error) => check(false, &format!("accept: {error}")),
            }
            while answers.try_join_next().is_some() {}
        }
    });
    (addr, server.cancel_on_drop())
}

/// Sends back what comes, and counts both ways.
async fn echo(mut stream: TcpStream) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let came = stream.read(&mut buffer).await.unwrap_or(0);
        Account::BytesThere.close(came as u64);
        if came == 0 {
            break;
        }
        if stream.write_all(&buffer[..came]).await.is_ok() {
            Account::BytesBack.open(came as u64);
        }
    }
}

/// One connection: what is written comes back as it was.
async fn exchange(addr: SocketAddr, round: Round) -> io::Result<()> {
    let mut stream = TcpStream::connect(addr).await?;
    for _ in 0..fastrand::usize(1..6) {
        let mut sent = vec![0; fastrand::usize(1..40_000)];
        fastrand::fill(&mut sent);
        let mut came = vec![0; sent.len()];
        let (reader, mut writer) = (&stream, &stream);
        let mut reader = reader.take(sent.len() as u64);
        let (wrote, read) = futures::join!(writer.write_all(&sent), reader.read_exact(&mut came));
        wrote.and(read)?;
        Account::BytesThere.open(sent.len() as u64);
        Account::BytesBack.close(sent.len() as u64);
        check(sent == came, "bytes came back as others");
    }
    if round.leaks(Leak::Byte) {
        Account::BytesThere.open(1);
    }
    if round.leaks(Leak::Descriptor) {
        std::mem::forget(std::fs::File::open("/dev/null")?);
    }
    stream.close().await
}

pub(crate) async fn clients(round: Round) {
    let (addr, server) = serve(echo).await;
    let client = |_| async move {
        while round.goes_on() {
            let exchanged = exchange(addr, round).await;
            check(
                exchanged.is_ok(),
                &format!("a connection failed: {exchanged:?}"),
            );
        }
    };
    gather((0..CLIENTS).map(client)).await;
    drop(server);
}

/// Clients that give up wherever they are: the server's sides end, whatever came.
pub(crate) async fn cut_off(round: Round) {
    let (addr, server) = serve(|stream| async move {
        let held = Account::Futures.hold();
        let _ = futures::io::copy(&stream, &mut &stream).await;
        drop(held);
    })
    .await;
    while round.goes_on() {
        let client = |_| async move {
            let talk = async {
                let mut stream = TcpStream::connect(addr).await?;
                let mut buffer = vec![7; 100_000];
                loop {
                    stream.write_all(&buffer).await?;
                    if stream.read(&mut buffer).await? == 0 {
                        return io::Result::Ok(());
                    }
                }
            };
            let limit = Duration::from_micros(fastrand::u64(..3000));
            let _ = timeout(limit, talk).await;
        };
        gather((0..CLIENTS).map(client)).await;
    }
    drop(server);
}
