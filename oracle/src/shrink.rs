//! Makes a program smaller while it stays interesting: by leaving out statements, putting blocks in
//! the place of what they stand in, and by smaller numbers.

use crate::program::{Block, Program, Stmt};

/// The smallest program that is found; `is_interesting` is asked of each on the way.
pub(crate) fn shrink(
    mut program: Program,
    mut is_interesting: impl FnMut(&Program) -> bool,
) -> Program {
    'smaller: loop {
        for candidate in candidates(&program) {
            if is_interesting(&candidate) {
                program = candidate;
                continue 'smaller;
            }
        }
        return program;
    }
}

/// All programs that are a step smaller, the much smaller ones first.
fn candidates(program: &Program) -> Vec<Program> {
    let mut all = Vec::new();
    if let Some(whole) = without_last(program) {
        all.push(whole);
    }
    for number in 0..program.0.len() {
        for block in smaller_blocks(&program.0[number]) {
            let mut candidate = program.clone();
            candidate.0[number] = block;
            all.push(candidate);
        }
    }
    all
}

/// Without the last function, if nobody calls it.
fn without_last(program: &Program) -> Option<Program> {
    let last = program.0.len() - 1;
    let calls = |stmt: &Stmt| stmt.calls().iter().any(|call| call.function == last);
    (last > 0 && !program.has(calls)).then(|| Program(program.0[..last].to_vec()))
}

fn smaller_blocks(block: &Block) -> Vec<Block> {
    let mut all = Vec::new();
    let mut replace = |n: usize, with: Block| {
        let mut smaller = block.clone();
        smaller.splice(n..=n, with);
        all.push(smaller);
    };
    for (n, stmt) in block.iter().enumerate() {
        replace(n, Vec::new());
        for inner in stmt.blocks() {
            replace(n, inner.clone());
        }
    }
    for (n, stmt) in block.iter().enumerate() {
        for smaller in smaller_statements(stmt) {
            replace(n, vec![smaller]);
        }
    }
    all
}

fn smaller_statements(stmt: &Stmt) -> Vec<Stmt> {
    let mut all = Vec::new();
    for n in 0..stmt.blocks().len() {
        for block in smaller_blocks(stmt.blocks()[n]) {
            let mut smaller = stmt.clone();
            *smaller.blocks_mut()[n] = block;
            all.push(smaller);
        }
    }
    all.extend(simpler(stmt));
    all
}

/// The same statement about less.
fn simpler(stmt: &Stmt) -> Vec<Stmt> {
    match stmt {
        Stmt::Sleep(time) if *time > 1_000_000 => vec![Stmt::Sleep(1_000_000)],
        Stmt::Sleep(time) if *time > 0 => vec![Stmt::Sleep(0)],
        Stmt::Note(n) if *n > 0 => vec![Stmt::Note(0)],
        Stmt::Cancel(who, Some(_)) => vec![Stmt::Cancel(*who, None)],
        Stmt::Gather(calls, outcomes) if calls.len() > 1 => {
            let fewer = fewer(calls).into_iter();
            fewer.map(|calls| Stmt::Gather(calls, *outcomes)).collect()
        }
        Stmt::AsCompleted(calls) if calls.len() > 1 => {
            fewer(calls).into_iter().map(Stmt::AsCompleted).collect()
        }
        Stmt::GatherKids(slots, outcomes) if slots.len() > 1 => {
            let fewer = fewer(slots).into_iter();
            fewer
                .map(|slots| Stmt::GatherKids(slots, *outcomes))
                .collect()
        }
        Stmt::Wait(slots, when, timeout) => {
            let mut all: Vec<_> = fewer(slots)
                .into_iter()
                .map(|slots| Stmt::Wait(slots, *when, *timeout))
                .collect();
            if timeout.is_some() {
                all.push(Stmt::Wait(slots.clone(), *when, None));
            }
            all
        }
        _ => Vec::new(),
    }
}

/// All lists with one less, none of them empty.
fn fewer<T: Clone>(list: &[T]) -> Vec<Vec<T>> {
    let without = |n: usize| {
        let mut list = list.to_vec();
        list.remove(n);
        list
    };
    (0..list.len())
        .map(without)
        .filter(|list| !list.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::{Call, Except, Who};

    #[test]
    fn what_does_not_matter_goes() {
        let call = Call {
            slot: 0,
            function: 1,
        };
        let cancel = Stmt::Cancel(Who::Me, Some(3));
        let inner = vec![Stmt::Sleep(700), cancel.clone(), Stmt::Note(4)];
        let tried = Stmt::Try(inner, Except::Both, vec![Stmt::Raise(1)], true);
        let program = Program(vec![vec![Stmt::Spawn(call), Stmt::Note(1), tried], vec![]]);
        let smallest = shrink(program, |program| {
            program.has(|stmt| matches!(stmt, Stmt::Cancel(..)))
        });
        assert_eq!(smallest, Program(vec![vec![Stmt::Cancel(Who::Me, None)]]));
    }
}
