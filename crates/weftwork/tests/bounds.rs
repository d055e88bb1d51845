//! `Send`, `Sync`, `Unpin` and `'static` of every public type, for parameters that are only
//! `Send`: what compiles. `compile_fail` has what must not.

use static_bounds::{is_send, is_send_sync, is_static, is_sync, is_unpin};
use std::cell::Cell;
use std::fs::File;
use std::future::{Ready, ready};
use weftwork::context::{Context, NotSet, ResetError, Scope, TaskLocal, Token};
use weftwork::net::{
    AsyncFd, OwnedReadHalf, OwnedWriteHalf, ReadError, Server, ServerBuilder, StreamReader,
    StreamWriter, TcpListener, TcpSocket, TcpStream, UdpSocket, UnixDatagram, UnixListener,
    UnixServerBuilder, UnixStream,
};
use weftwork::testing::{Cut, Sweep};
use weftwork::time::{Interval, MissedTick, Sleep, Timeout, WaitFor};
use weftwork::{
    AsCompleted, AsCompletedUntil, Background, BlockOnError, BlockingError, BlockingRefusal,
    BlockingRefused, Buffered, BufferedStream, Builder, CallHandle, CallbackId, CancelOnDrop,
    CancelSource, Cancelled, Catch, ChildError, ChildFailure, CompletedTasks, Elapsed, Finally,
    FinallySpawned, FinishedGroup, FromIter, Gather, GatherOutcomes, GroupClosed, GroupControl,
    GroupError, GroupRefusal, GroupScope, Handle, JoinAll, JoinAllOutcomes, Payload, Race, Report,
    ResultError, ReturnWhen, Runtime, RuntimeError, SharedTask, Shield, Shielded, SpawnError, Task,
    TaskBuilder, TaskControl, TaskError, TaskGroup, TaskSet, TryGather, Wait, WaitOn, Waited,
    WaitedOn,
};

/// Assertions of the compiler.
mod static_bounds {
    pub(crate) fn is_send<T: Send>() {}
    pub(crate) fn is_sync<T: Sync>() {}
    pub(crate) fn is_send_sync<T: Send + Sync>() {}
    pub(crate) fn is_unpin<T: Unpin>() {}
    pub(crate) fn is_static<T: 'static>() {}
}

/// A value that may be sent and not shared.
type OnlySend = Cell<u8>;

#[test]
fn handles_and_errors_go_anywhere() {
    is_send_sync::<Runtime>();
    is_send_sync::<Handle>();
    is_send_sync::<Background>();
    is_send_sync::<Builder>();
    is_send_sync::<TaskBuilder>();
    is_send_sync::<TaskControl>();
    is_send_sync::<GroupControl>();
    is_send_sync::<FinishedGroup>();
    is_send_sync::<CallHandle>();
    is_send_sync::<Context>();
    is_send_sync::<NotSet>();
    is_send_sync::<TaskLocal<u8>>();
    is_send_sync::<Token<u8>>();
    is_send_sync::<ResetError<u8>>();
    is_send_sync::<CallbackId>();
    is_send_sync::<Cancelled>();
    is_send_sync::<CancelSource>();
    is_send_sync::<RuntimeError>();
    is_send_sync::<BlockingRefused>();
    is_send_sync::<BlockingRefusal>();
    is_send_sync::<Elapsed>();
    is_send_sync::<SpawnError<u8>>();
    is_send_sync::<ReturnWhen>();
    is_send_sync::<WaitedOn>();
    is_send_sync::<MissedTick>();
    is_send_sync::<TaskGroup<OnlySend>>();
    is_send_sync::<GroupRefusal>();
    is_send_sync::<GroupClosed<u8>>();
    is_send_sync::<Sweep>();
    is_send_sync::<Cut>();
    // A panic's payload is only `Send`, and so is what carries one.
    is_send::<Payload>();
    is_send::<Report>();
    is_send::<TaskError>();
    is_send::<ResultError>();
    is_send::<BlockOnError>();
    is_send::<BlockingError<OnlySend>>();
    is_send::<GroupError<OnlySend>>();
    is_send::<ChildFailure<OnlySend>>();
    is_send::<ChildError<OnlySend>>();
}

#[test]
fn tasks_need_values_that_are_send() {
    is_send_sync::<Task<OnlySend>>();
    is_unpin::<Task<std::marker::PhantomPinned>>();
    is_static::<Task<OnlySend>>();
    is_send_sync::<CancelOnDrop<OnlySend>>();
    is_unpin::<CancelOnDrop<OnlySend>>();
    is_send_sync::<SharedTask<u8>>();
    is_unpin::<SharedTask<u8>>();
    is_send::<Waited<OnlySend>>();
}

#[test]
fn groups_of_values_that_are_send_can_be_spawned() {
    is_send::<Gather<OnlySend>>();
    is_send::<GatherOutcomes<OnlySend>>();
    is_send::<JoinAll<(Task<OnlySend>, Task<u8>)>>();
    is_send::<JoinAllOutcomes<(Task<OnlySend>,)>>();
    is_send::<TryGather<OnlySend, OnlySend>>();
    is_send::<Wait<OnlySend>>();
    is_send::<WaitOn<'_, OnlySend>>();
    is_send::<AsCompleted<OnlySend>>();
    is_send::<AsCompletedUntil<OnlySend>>();
    is_send::<CompletedTasks<OnlySend>>();
    is_send::<Shield<OnlySend, Task<OnlySend>>>();
    is_send::<Shield<OnlySend, &mut Task<OnlySend>>>();
    is_send::<Race<OnlySend>>();
    is_send::<TaskSet<OnlySend>>();
    is_send::<Buffered<FromIter<std::vec::IntoIter<Ready<OnlySend>>>, OnlySend>>();
    is_send::<BufferedStream<FromIter<std::vec::IntoIter<Ready<OnlySend>>>, OnlySend>>();
    is_send::<GroupScope<Ready<Result<OnlySend, &'static str>>, &'static str>>();
    is_unpin::<Race<OnlySend>>();
    is_unpin::<TaskSet<OnlySend>>();
    is_unpin::<Gather<OnlySend>>();
    is_unpin::<Wait<OnlySend>>();
    is_unpin::<AsCompleted<OnlySend>>();
}

#[test]
fn scopes_and_timers_are_as_their_bodies() {
    type Body = Ready<OnlySend>;
    is_send::<Catch<Body>>();
    is_send::<Finally<Body, Ready<()>>>();
    is_send::<FinallySpawned<Body>>();
    is_send::<Shielded<Body>>();
    is_send::<Scope<u8, Body>>();
    is_send::<Timeout<Body>>();
    is_send::<WaitFor<Body>>();
    is_send_sync::<Sleep>();
    is_unpin::<Sleep>();
    is_send_sync::<Interval>();
    is_sync::<Timeout<Ready<u8>>>();
}

#[test]
fn sockets_servers_and_streams_go_anywhere() {
    is_send_sync::<TcpListener>();
    is_send_sync::<TcpSocket>();
    is_send_sync::<TcpStream>();
    is_send_sync::<OwnedReadHalf>();
    is_send_sync::<OwnedWriteHalf>();
    is_send_sync::<OwnedReadHalf<UnixStream>>();
    is_send_sync::<OwnedWriteHalf<UnixStream>>();
    is_send_sync::<UdpSocket>();
    is_send_sync::<UnixDatagram>();
    is_send_sync::<UnixListener>();
    is_send_sync::<UnixStream>();
    is_send_sync::<AsyncFd<File>>();
    is_send_sync::<Server>();
    is_send_sync::<ServerBuilder>();
    is_send_sync::<Server<UnixListener>>();
    is_send_sync::<UnixServerBuilder>();
    is_send_sync::<StreamWriter>();
    is_send_sync::<ReadError>();
    is_unpin::<TcpStream>();
    is_unpin::<UnixStream>();
    is_unpin::<StreamReader>();
    is_unpin::<StreamWriter>();
    // What it reads from is only `Send`.
    is_send::<StreamReader>();
}

/// The futures of async functions of the crate, as they are captured by tasks.
#[test]
fn futures_without_a_name_are_send() {
    fn sendable<F: Future + Send>(_: &F) {}
    sendable(&weftwork::yield_now());
    sendable(&weftwork::checkpoint());
    sendable(&weftwork::sync::Semaphore::new(0).acquire());
    sendable(&weftwork::timeout(
        std::time::Duration::ZERO,
        ready(OnlySend::default()),
    ));
}

#[test]
fn what_must_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}

#[cfg(unix)]
#[test]
fn files_processes_and_signals_go_anywhere() {
    use weftwork::signal::unix::{Signal, SignalKind};
    use weftwork::signal::{CtrlC, Interrupt};
    use weftwork::{fs, io, process};
    is_send_sync::<Signal>();
    is_unpin::<Signal>();
    is_send_sync::<SignalKind>();
    is_send_sync::<Interrupt>();
    is_unpin::<Interrupt>();
    is_send_sync::<CtrlC>();
    is_send_sync::<process::Command>();
    is_send_sync::<process::Child>();
    is_send_sync::<process::ChildControl>();
    is_send_sync::<io::PipeReader>();
    is_send_sync::<io::PipeWriter>();
    is_send_sync::<io::Stdin>();
    is_send_sync::<io::OutputStream>();
    is_unpin::<io::OutputStream>();
    is_send_sync::<fs::File>();
    is_unpin::<fs::File>();
    is_send_sync::<fs::OpenOptions>();
    is_send_sync::<fs::ReadDir>();
    is_unpin::<fs::ReadDir>();
    is_send_sync::<fs::DirEntry>();
    is_send::<fs::Operation<OnlySend>>();
    is_unpin::<fs::Operation<std::marker::PhantomPinned>>();
    is_static::<fs::Operation<OnlySend>>();
}

/// Futures of methods, too, can be spawned.
#[cfg(unix)]
#[allow(dead_code, reason = "it is compiled, and not called")]
async fn futures_of_processes_and_files_can_be_spawned(
    mut child: weftwork::process::Child,
    mut command: weftwork::process::Command,
    mut file: weftwork::fs::File,
) {
    fn is_send_future(_: impl Send) {}
    is_send_future(child.communicate("input"));
    is_send_future(child.wait());
    is_send_future(command.output());
    is_send_future(command.status());
    is_send_future(file.set_len(1));
}
