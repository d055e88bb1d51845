//! How each peer's runtime is started, as its own documentation starts it: with its I/O and timers.
//!
//! The root of a workload is always a task on a worker. It runs twice, and the first run is thrown
//! away: by the second, threads have started and, where time is measured, the heap has grown.

use std::future::Future;

use crate::clock::Sample;
use crate::row::Setup;

/// The main future of weftwork's `block_on` is itself a task, and its thread a worker.
pub(crate) fn on_weftwork<F>(setup: Setup, root: impl Fn(u64) -> F) -> Sample
where
    F: Future<Output = Sample>,
{
    let mut builder = weftwork::Runtime::builder().workers(setup.workers);
    if setup.workers == 1 {
        // One worker is to be one thread. The root spawns for longer than a poll may take, and a spare
        // would run on the other core what it has spawned: faster, but not the figure of one thread.
        builder = builder.max_spares(0);
    }
    on_weftwork_with(builder, setup, root)
}

/// As [`on_weftwork`], for a runtime with settings.
pub(crate) fn on_weftwork_with<F>(
    builder: weftwork::Builder,
    setup: Setup,
    root: impl Fn(u64) -> F,
) -> Sample
where
    F: Future<Output = Sample>,
{
    let runtime = builder.build().expect("weftwork starts");
    runtime.block_on(root(setup.warm_up));
    runtime.block_on(root(setup.ops))
}

/// The main future of tokio's `block_on` is on no worker: the root is spawned.
pub(crate) fn on_tokio<F>(setup: Setup, root: impl Fn(u64) -> F) -> Sample
where
    F: Future<Output = Sample> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(setup.workers)
        .enable_all()
        .build()
        .expect("tokio starts");
    let run = |ops| runtime.block_on(runtime.spawn(root(ops)));
    run(setup.warm_up).expect("the unmeasured run ends");
    run(setup.ops).expect("the measured run ends")
}

/// rayon's own pool of threads.
pub(crate) fn on_rayon(setup: Setup, root: fn(u64) -> Sample) -> Sample {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(setup.workers);
    let pool = pool.build().expect("rayon starts");
    pool.install(|| root(setup.warm_up));
    pool.install(|| root(setup.ops))
}

/// smol's own threads, whose number the parent process sets with `SMOL_THREADS`.
pub(crate) fn on_smol<F>(setup: Setup, root: impl Fn(u64) -> F) -> Sample
where
    F: Future<Output = Sample> + Send + 'static,
{
    smol::block_on(smol::spawn(root(setup.warm_up)));
    smol::block_on(smol::spawn(root(setup.ops)))
}
