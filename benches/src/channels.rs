//! The peers' bounded channels and tasks under the same names, for the rows that differ in nothing
//! else. Everything is known at compile time: there is no call through it that a program would not
//! make itself.

use std::future::Future;

/// How a runtime starts a task.
pub(crate) trait Tasks: 'static {
    fn spawn<T: Send + 'static>(
        future: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static;
}

/// A kind of channel of numbers.
pub(crate) trait Channel: 'static {
    type Sender: Sender;
    type Receiver: Receiver;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver);
}

pub(crate) trait Sender: Clone + Send + Sync + 'static {
    fn send(&self, item: u64) -> impl Future<Output = ()> + Send;
}

pub(crate) trait Receiver: Send + 'static {
    /// None when all senders are gone.
    fn recv(&mut self) -> impl Future<Output = Option<u64>> + Send;
}

const RECEIVED: &str = "somebody receives";

pub(crate) enum Weftwork {}
pub(crate) enum Tokio {}
pub(crate) enum Smol {}
pub(crate) enum Flume {}
pub(crate) enum Kanal {}

impl Tasks for Weftwork {
    fn spawn<T: Send + 'static>(
        future: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        weftwork::spawn(future)
    }
}

impl Tasks for Tokio {
    fn spawn<T: Send + 'static>(
        future: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        let task = tokio::spawn(future);
        async move { task.await.expect("the task ends") }
    }
}

impl Tasks for Smol {
    fn spawn<T: Send + 'static>(
        future: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        smol::spawn(future)
    }
}

impl Channel for Weftwork {
    type Sender = weftwork::sync::channel::Sender<u64>;
    type Receiver = weftwork::sync::channel::Receiver<u64>;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        weftwork::sync::channel(capacity)
    }
}

impl Sender for weftwork::sync::channel::Sender<u64> {
    async fn send(&self, item: u64) {
        self.send(item).await.expect(RECEIVED);
    }
}

impl Receiver for weftwork::sync::channel::Receiver<u64> {
    async fn recv(&mut self) -> Option<u64> {
        (*self).recv().await.ok()
    }
}

impl Channel for Tokio {
    type Sender = tokio::sync::mpsc::Sender<u64>;
    type Receiver = tokio::sync::mpsc::Receiver<u64>;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        tokio::sync::mpsc::channel(capacity)
    }
}

impl Sender for tokio::sync::mpsc::Sender<u64> {
    async fn send(&self, item: u64) {
        self.send(item).await.expect(RECEIVED);
    }
}

impl Receiver for tokio::sync::mpsc::Receiver<u64> {
    async fn recv(&mut self) -> Option<u64> {
        self.recv().await
    }
}

impl Channel for Smol {
    type Sender = smol::channel::Sender<u64>;
    type Receiver = smol::channel::Receiver<u64>;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        smol::channel::bounded(capacity)
    }
}

impl Sender for smol::channel::Sender<u64> {
    async fn send(&self, item: u64) {
        self.send(item).await.expect(RECEIVED);
    }
}

impl Receiver for smol::channel::Receiver<u64> {
    async fn recv(&mut self) -> Option<u64> {
        (*self).recv().await.ok()
    }
}

impl Channel for Flume {
    type Sender = flume::Sender<u64>;
    type Receiver = flume::Receiver<u64>;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        flume::bounded(capacity)
    }
}

impl Sender for flume::Sender<u64> {
    async fn send(&self, item: u64) {
        self.send_async(item).await.expect(RECEIVED);
    }
}

impl Receiver for flume::Receiver<u64> {
    async fn recv(&mut self) -> Option<u64> {
        self.recv_async().await.ok()
    }
}

impl Channel for Kanal {
    type Sender = kanal::AsyncSender<u64>;
    type Receiver = kanal::AsyncReceiver<u64>;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        kanal::bounded_async(capacity)
    }
}

impl Sender for kanal::AsyncSender<u64> {
    async fn send(&self, item: u64) {
        self.send(item).await.expect(RECEIVED);
    }
}

impl Receiver for kanal::AsyncReceiver<u64> {
    async fn recv(&mut self) -> Option<u64> {
        (*self).recv().await.ok()
    }
}
