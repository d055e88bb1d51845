//! A file is a list of bytes with a position, in spite of reads, writes and seeks that are given up.

#![cfg(unix)]

mod common;

use common::{Folder, On, Watchdog, open_both};
use futures::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, FutureExt};
use proptest::prelude::*;
use std::io::SeekFrom;
use std::path::Path;
use weftwork::Runtime;
use weftwork::fs::File;

/// What is done with a file, and with the bytes that it should have.
#[derive(Clone, Debug)]
enum Step {
    Read(usize),
    Write(Vec<u8>),
    Seek(i64),
    SetLen(u64),
    /// The next read, write or seek is given up after its first poll.
    GiveUp(Box<Step>),
    /// A write is given up, and another one follows, or none.
    Change(Vec<u8>, Option<Vec<u8>>),
    /// A write is given up, and the same follows elsewhere, after a read.
    Again(Vec<u8>, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let simple = prop_oneof![
        (0_usize..40).prop_map(Step::Read),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Step::Write),
        (0_i64..60).prop_map(Step::Seek),
        (0_u64..60).prop_map(Step::SetLen),
    ];
    let simple = (simple, any::<bool>()).prop_map(|(step, give_up)| match step {
        Step::SetLen(_) => step,
        step if give_up => Step::GiveUp(Box::new(step)),
        step => step,
    });
    let data = || proptest::collection::vec(any::<u8>(), 1..40);
    let change = (data(), proptest::option::of(data()));
    prop_oneof![
        4 => simple,
        1 => change.prop_map(|(first, then)| Step::Change(first, then)),
        1 => (data(), 1_usize..40).prop_map(|(data, count)| Step::Again(data, count)),
    ]
}

/// The file as a list of bytes and a position.
#[derive(Default)]
struct Model {
    bytes: Vec<u8>,
    position: usize,
}

impl Model {
    fn read(&mut self, count: usize) -> Vec<u8> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let got = rest[..count.min(rest.len())].to_vec();
        self.position += got.len();
        got
    }

    fn write(&mut self, data: &[u8]) {
        let end = self.position + data.len();
        if !data.is_empty() && self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        if !data.is_empty() {
            self.bytes[self.position..end].copy_from_slice(data);
        }
        self.position = end;
    }
}

async fn walk(file: &mut File, path: &Path, model: &mut Model, step: &Step) {
    match step {
        Step::Change(first, then) => change(file, path, model, first, then.as_deref()).await,
        Step::Again(data, count) => {
            if let Some(written) = file.write(data).now_or_never() {
                return model.write(&data[..written.unwrap()]);
            }
            let mut got = Vec::new();
            file.take(*count as u64)
                .read_to_end(&mut got)
                .await
                .unwrap();
            model.bytes = std::fs::read(path).unwrap();
            assert_eq!(got, model.read(*count));
            file.write_all(data).await.unwrap();
            model.write(data);
            assert_eq!(std::fs::read(path).unwrap(), model.bytes);
        }
        Step::Read(count) => {
            // After one that was given up a read may be short.
            let mut got = Vec::new();
            file.take(*count as u64)
                .read_to_end(&mut got)
                .await
                .unwrap();
            assert_eq!(got, model.read(*count));
        }
        Step::Write(data) => {
            file.write_all(data).await.unwrap();
            model.write(data);
        }
        Step::Seek(to) => {
            let at = file
                .seek(SeekFrom::Current(to - model.position as i64))
                .await;
            model.position = *to as usize;
            assert_eq!(at.unwrap(), *to as u64);
        }
        Step::SetLen(length) => {
            file.set_len(*length).await.unwrap();
            model.bytes.resize(*length as usize, 0);
        }
        Step::GiveUp(step) => give_up(file, model, step).await,
    }
}

/// Either nothing of the first write is there, or all of it but what the second one covers.
async fn change(
    file: &mut File,
    path: &Path,
    model: &mut Model,
    first: &[u8],
    then: Option<&[u8]>,
) {
    let done = file.write(first).now_or_never();
    let before = (model.bytes.clone(), model.position);
    if let Some(count) = done {
        return model.write(&first[..count.unwrap()]);
    }
    match then {
        Some(then) => file.write_all(then).await.unwrap(),
        // It is over then, and nothing of it comes later.
        None => drop(file.seek(SeekFrom::Current(0)).await.unwrap()),
    }
    model.write(then.unwrap_or_default());
    let mut other = Model {
        bytes: before.0,
        position: before.1,
    };
    other.write(first);
    other.position = before.1;
    other.write(then.unwrap_or_default());
    let found = std::fs::read(path).unwrap();
    assert!(found == model.bytes || found == other.bytes);
    model.bytes = found;
}

async fn give_up(file: &mut File, model: &mut Model, step: &Step) {
    match step {
        Step::Read(count) => {
            let mut got = vec![0; *count];
            if let Some(read) = file.read(&mut got).now_or_never() {
                // It may be short, after another one that was given up.
                let read = read.unwrap();
                assert_eq!(got[..read], model.read(read));
            }
        }
        Step::Write(data) => {
            if let Some(written) = file.write(data).now_or_never() {
                model.write(&data[..written.unwrap()]);
            } else {
                // It may have begun; again, it is done in the same place.
                file.write_all(data).await.unwrap();
                model.write(data);
            }
        }
        _ => drop(file.seek(SeekFrom::End(0)).now_or_never()),
    }
    if let Step::Seek(to) = step {
        file.seek(SeekFrom::Start(*to as u64)).await.unwrap();
        model.position = *to as usize;
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: common::scaled(1000) as u32,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn a_file_is_a_list_of_bytes(steps in proptest::collection::vec(step(), 1..30)) {
        let _watchdog = Watchdog::start();
        let folder = Folder::new();
        let path = folder.path("a");
        let mut model = Model::default();
        let runtime = On::Workers(2).runtime(Runtime::builder());
        runtime.block_on(async {
            let mut file = open_both(&path).await;
            for step in &steps {
                walk(&mut file, &path, &mut model, step).await;
            }
        });
        prop_assert_eq!(std::fs::read(&path).unwrap(), model.bytes);
    }
}
