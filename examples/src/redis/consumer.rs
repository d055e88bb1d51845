//! A consumer of a list in Redis that loses no message, whatever ends in the middle.

use super::connection::{Redis, connect};
use redis::{AsyncCommands, Direction, ErrorKind, RedisError, RedisResult, RetryMethod};
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::time::Duration;
use weftwork::sync::CancellationToken;
use weftwork::{Elapsed, ResumeExt, TaskSet, sleep, timeout};

/// A pop waits so long for a message, in seconds, before it asks again.
const POP: f64 = 2.0;

/// An answer that takes longer than this will not come: the connection is given up.
const ANSWER: Duration = Duration::from_secs(10);

/// The pause after the first attempt to connect that fails; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Takes messages from a list, one task for each.
///
/// A pop that is given up can still take a message on the server, and nobody would have it. So
/// `BLMOVE` moves each message to a second list, where it stays until its work is done. What is found
/// there and not in work is done again: after a reconnect, after a crash, and whenever nothing came
/// for a while. A message is therefore never lost, and in rare cases worked on twice. Messages are
/// told apart by their bytes: give each its own number if equal ones are to be counted.
#[derive(Debug)]
pub struct Consumer {
    url: String,
    queue: String,
    processing: String,
}

/// What happens to a consumer.
enum Event {
    /// The pop of this session ended.
    Popped(u64, RedisResult<Option<Vec<u8>>>),
    /// The work for a message is done.
    Done(Vec<u8>),
    /// No more is wanted.
    Stop,
}

impl Consumer {
    /// A consumer of a list, with a name that no other consumer of that list has, and that it has
    /// again after a crash.
    #[must_use]
    pub fn new(url: &str, queue: &str, name: &str) -> Self {
        Self {
            url: url.to_owned(),
            queue: queue.to_owned(),
            processing: format!("{queue}:processing:{name}"),
        }
    }

    /// The list of the messages in work.
    #[must_use]
    pub fn processing(&self) -> &str {
        &self.processing
    }

    /// Spawns `work` for each message, the oldest first, until it is stopped; then what is in work
    /// is finished, and acknowledged. It reconnects as often as it has to.
    ///
    /// # Errors
    /// What another attempt would not mend: a wrong password, a list that is no list. If it is
    /// stopped, also that the server cannot be reached to acknowledge. What is in work is then
    /// cancelled, as when it is dropped.
    ///
    /// # Panics
    /// If the work for a message panics; that message stays in the second list.
    ///
    /// # Cancel safety
    /// When it is dropped the tasks are cancelled, and their messages stay in the second list for
    /// the next consumer of this name.
    pub async fn run<F, W>(&self, stop: &CancellationToken, work: F) -> RedisResult<()>
    where
        F: Fn(Vec<u8>) -> W,
        W: Future<Output = ()> + Send + 'static,
    {
        let mut state = State {
            consumer: self,
            work,
            events: TaskSet::new(),
            working: HashMap::new(),
            finished: Vec::new(),
            stopping: false,
            session: 0,
        };
        let stopped = stop.clone();
        state.events.spawn(async move {
            stopped.cancelled().await;
            Event::Stop
        });
        let mut pause = FIRST_PAUSE;
        loop {
            let before = state.session;
            let Err(error) = state.serve().await else {
                return Ok(());
            };
            if stop.is_cancelled() || !is_passing(&error) {
                return Err(error);
            }
            if state.session > before {
                pause = FIRST_PAUSE;
            }
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }
}

/// A consumer at work.
struct State<'a, F> {
    consumer: &'a Consumer,
    work: F,
    events: TaskSet<Event>,
    /// How many tasks there are for a message: until its acknowledgement is sent.
    working: HashMap<Vec<u8>, usize>,
    /// Done, and not yet acknowledged.
    finished: Vec<Vec<u8>>,
    stopping: bool,
    /// Counts the connections.
    session: u64,
}

impl<F, W> State<'_, F>
where
    F: Fn(Vec<u8>) -> W,
    W: Future<Output = ()> + Send + 'static,
{
    /// Works on one pair of connections: until that fails, or all is done.
    async fn serve(&mut self) -> RedisResult<()> {
        let mut commands = answer(connect(&self.consumer.url)).await?;
        // A blocking pop holds up every command behind it, so it has a connection of its own.
        // At the end of this function that is closed, and with it ends the pop.
        let pops = answer(connect(&self.consumer.url)).await?;
        self.session += 1;
        self.replay(&mut commands).await?;
        if !self.stopping {
            self.pop(&pops);
        }
        loop {
            while let Some(message) = self.finished.pop() {
                self.acknowledge(&mut commands, message).await?;
            }
            if self.stopping && self.working.is_empty() {
                return Ok(());
            }
            match self.next().await {
                Event::Done(message) => self.finished.push(message),
                Event::Stop => self.stopping = true,
                // What an earlier connection brought is in the second list: it was replayed.
                Event::Popped(session, _) if session != self.session => {}
                Event::Popped(_, popped) => {
                    match popped? {
                        Some(message) => self.start(message),
                        None => self.replay(&mut commands).await?,
                    }
                    if !self.stopping {
                        self.pop(&pops);
                    }
                }
            }
        }
    }

    async fn next(&mut self) -> Event {
        let event = self.events.join_next().await;
        // The task that waits for the stop, or the work that is left after it, is in the set.
        event.expect("a task is left").or_resume().await
    }

    fn pop(&mut self, pops: &Redis) {
        let (session, mut pops) = (self.session, (**pops).clone());
        let (from, to) = (
            self.consumer.queue.clone(),
            self.consumer.processing.clone(),
        );
        self.events.spawn(async move {
            let pop = pops.blmove(from, to, Direction::Right, Direction::Left, POP);
            Event::Popped(session, answer(pop).await)
        });
    }

    fn start(&mut self, message: Vec<u8>) {
        *self.working.entry(message.clone()).or_default() += 1;
        let work = (self.work)(message.clone());
        self.events.spawn(async move {
            work.await;
            Event::Done(message)
        });
    }

    /// Starts the work for each message of the second list that nobody works on.
    async fn replay(&mut self, commands: &mut Redis) -> RedisResult<()> {
        let listed: Vec<Vec<u8>> =
            answer(commands.lrange(&self.consumer.processing, 0, -1)).await?;
        let mut working = self.working.clone();
        // The newest is the first.
        for message in listed.into_iter().rev() {
            match working.get_mut(&message) {
                Some(count) if *count > 0 => *count -= 1,
                _ => self.start(message),
            }
        }
        Ok(())
    }

    /// Takes a message out of the second list.
    ///
    /// If the connection fails, nobody knows whether it is out. It counts as not worked on, so that
    /// it is done again if it is still there; to take it out again could hit an equal one.
    async fn acknowledge(&mut self, commands: &mut Redis, message: Vec<u8>) -> RedisResult<()> {
        match self.working.get_mut(&message) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(self.working.remove(&message)),
        }
        answer(commands.lrem(&self.consumer.processing, 1, message)).await
    }
}

/// True if another attempt may go better.
fn is_passing(error: &RedisError) -> bool {
    error.is_io_error()
        || error.kind() == ErrorKind::Parse
        || matches!(error.retry_method(), RetryMethod::WaitAndRetry)
}

/// An answer of the server, or the error that it takes too long.
async fn answer<T>(asked: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    let late = |_: Elapsed| -> RedisError {
        let text = format!("the server did not answer for {ANSWER:?}");
        io::Error::new(io::ErrorKind::TimedOut, text).into()
    };
    timeout(ANSWER, asked).await.map_err(late)?
}
