//! The sweep itself: what it counts, and what it says of a check that fails.

use crate::common::each;
use weftwork::testing::{sweep, sweep_drops};
use weftwork::{catch, yield_now};

async fn settle_twice() {
    yield_now().await;
    yield_now().await;
}

#[test]
fn a_sweep_says_where_a_check_failed() {
    each(|| async {
        let end = catch(sweep(async |cut| {
            let end = cut.run(settle_twice()).await;
            assert!(cut.at() < 2 || end.is_ok(), "lost");
        }));
        let text = end.await.unwrap_err().to_string();
        assert_eq!(text, "panicked: cancelled at await point 2: lost");
        let end = catch(sweep(async |_| {})).await.unwrap_err();
        assert!(end.to_string().contains("nothing was swept"), "{end}");
        let swept = sweep(async |cut| assert_eq!(cut.run(async { 3 }).await.unwrap(), 3)).await;
        assert_eq!((swept.points(), swept.struck()), (0, 0));
        let swept = sweep(async |cut| drop(cut.run(swallow_and_go_on()).await)).await;
        assert_eq!(swept.to_string(), "cancelled at 1/2 await points");
        let swept = sweep_drops(async |cut| {
            let end = cut.run(settle_twice()).await;
            let text = end.err().map(|error| error.to_string());
            let at = format!(": dropped at await point {}", cut.at());
            assert!(text.is_none_or(|text| text.ends_with(&at)));
        });
        assert_eq!(swept.await.to_string(), "dropped at 2/2 await points");
    });
}

/// Swallows a cancel at its first await, and not at its second.
async fn swallow_and_go_on() {
    let _ = catch(yield_now()).await;
    yield_now().await;
}
