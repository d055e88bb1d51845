//! Bytes through anything that is read and written: none is lost or doubled, whichever end is cut.

use crate::knife::Knife;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use std::future::Future;
use std::sync::Arc;
use weftwork::sync::Mutex;
use weftwork::{spawn, yield_now};

/// A text in which no part stands for another one: its period fits in no buffer.
pub(crate) fn bytes(count: usize) -> Vec<u8> {
    let period: Vec<u8> = (0..251).collect();
    let mut bytes = period.repeat(count / period.len() + 1);
    bytes.truncate(count);
    bytes
}

/// Reads until so many bytes are there. What was read is noted at once.
async fn read_on<R: AsyncRead + Unpin>(
    reader: Arc<Mutex<R>>,
    got: Arc<Mutex<Vec<u8>>>,
    count: usize,
) {
    let mut reader = reader.lock().await;
    let mut got = got.lock().await;
    while got.len() < count {
        let mut piece = [0; 7];
        let read = reader.read(&mut piece).await.unwrap();
        assert!(read > 0, "it ended after {} of {count} bytes", got.len());
        got.extend_from_slice(&piece[..read]);
    }
}

/// The reader is cut and then reads on, while the other end is written to, bit by bit.
pub(crate) async fn cut_reader<R, W>(knife: &Knife<'_>, reader: R, mut writer: W)
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    const COUNT: usize = 20;
    let sender = spawn(async move {
        for piece in bytes(COUNT).chunks(5) {
            yield_now().await;
            writer.write_all(piece).await.unwrap();
        }
        writer.close().await.unwrap();
        writer
    });
    let (reader, got) = (Arc::new(Mutex::new(reader)), Arc::default());
    let cut = read_on(Arc::clone(&reader), Arc::clone(&got), COUNT - 3);
    let _ = knife.run(cut).await;
    read_on(Arc::clone(&reader), Arc::clone(&got), COUNT).await;
    let rest = reader.lock().await.read(&mut [0]).await.unwrap();
    assert_eq!(rest, 0, "nothing comes after the end");
    assert_eq!(*got.lock().await, bytes(COUNT));
    drop(sender.await);
}

/// At most so much is written at a time.
const PIECE: usize = 64 << 10;

/// Writes what is left. What has gone is taken out of it at once.
async fn write_on<W: AsyncWrite + Unpin>(writer: Arc<Mutex<W>>, left: Arc<Mutex<Vec<u8>>>) {
    let mut writer = writer.lock().await;
    let mut left = left.lock().await;
    while !left.is_empty() {
        let piece = &left[..left.len().min(PIECE)];
        let written = writer.write(piece).await.unwrap();
        left.drain(..written);
    }
    writer.flush().await.unwrap();
}

/// The writer is cut and then writes on: `count` bytes, more than fit in between. `receive` reads
/// all that comes at the other end.
pub(crate) async fn cut_writer<W, F>(knife: &Knife<'_>, writer: W, count: usize, receive: F)
where
    W: AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = Vec<u8>> + Send + 'static,
{
    let receiver = spawn(receive);
    let (writer, left) = (
        Arc::new(Mutex::new(writer)),
        Arc::new(Mutex::new(bytes(count))),
    );
    let cut = write_on(Arc::clone(&writer), Arc::clone(&left));
    let _ = knife.run(cut).await;
    write_on(Arc::clone(&writer), left).await;
    writer.lock().await.close().await.unwrap();
    let got = receiver.await;
    assert_eq!(got.len(), count);
    assert!(got == bytes(count), "other bytes");
}

/// Reads to the end.
pub(crate) async fn read_all(mut reader: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut got = Vec::new();
    reader.read_to_end(&mut got).await.unwrap();
    got
}
