//! Probe.
use weftwork::{catch, finally, spawn, run_local, yield_now, local};
#[test]
fn a_catch_in_a_cleanup_catches() {
    let ended = run_local(async {
        let t = local::spawn(finally(async {}, async {
            let child = local::spawn(std::future::pending::<()>());
            child.cancel();
            assert!(catch(child).await.is_err());
        }));
        for _ in 0..100 { yield_now().await; }
        let done = t.done();
        if !done { std::process::exit(7); }
        done
    });
    assert!(ended);
    let _ = spawn::<std::future::Ready<()>>;
}
