//! The work-stealing scheduler of weftwork: task cells, workers, parking, the blocking pool, the callback lane.
