//! The batches of a plan, kept on disk between planning and running: documents are read and cut once,
//! and memory stays bounded.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::path::Path;

use tokio::sync::mpsc;

use crate::prepare::{Batch, Batches};

/// Batches of one source, one line of JSON each, in a file without a name: whatever becomes of the
/// process, nothing is left behind.
pub(crate) struct Spool {
    file: BufWriter<File>,
}

impl Spool {
    /// A file in the data folder, where there is room for an index and only this user reads.
    pub(crate) fn create(data: &Path) -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::with_capacity(1 << 18, tempfile::tempfile_in(data)?),
        })
    }

    pub(crate) fn add(&mut self, batch: &Batch) -> io::Result<()> {
        serde_json::to_writer(&mut self.file, batch)?;
        self.file.write_all(b"\n")
    }

    /// Hands the batches out again, in their order, as fast as they are taken.
    pub(crate) fn replay(self) -> io::Result<Batches> {
        let mut file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        let (sender, receiver) = mpsc::channel(2);
        std::thread::spawn(move || {
            let mut reader = BufReader::with_capacity(1 << 18, file);
            loop {
                let batch = next(&mut reader);
                let end = !matches!(batch, Ok(Some(_)));
                if let Some(batch) = batch.transpose()
                    && sender.blocking_send(batch).is_err()
                {
                    break;
                }
                if end {
                    break;
                }
            }
        });
        Ok(Batches(receiver))
    }
}

fn next(reader: &mut impl BufRead) -> io::Result<Option<Batch>> {
    let mut line = Vec::new();
    if reader.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&line)?))
}

#[cfg(test)]
mod tests {
    use docent_core::document::Outcome;

    use super::*;
    use crate::prepare::Prepared;

    #[tokio::test]
    async fn what_was_planned_comes_back_in_its_order_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::create(folder.path()).unwrap();
        for number in 0..20 {
            let left_out = Prepared::LeftOut {
                path: format!("{number}\n.md"),
                outcome: Outcome::Skipped("empty".to_owned()),
                known: None,
            };
            spool.add(&Batch(vec![left_out])).unwrap();
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut batches = spool.replay().unwrap();
        let mut number = 0;
        while let Some(batch) = batches.next().await.unwrap() {
            let Prepared::LeftOut { path, outcome, .. } = &batch.0[0] else {
                panic!("{batch:?}");
            };
            assert_eq!(*path, format!("{number}\n.md"));
            assert_eq!(*outcome, Outcome::Skipped("empty".to_owned()));
            number += 1;
        }
        assert_eq!(number, 20);
    }

    #[tokio::test]
    async fn a_plan_that_cannot_be_read_again_is_an_error_and_no_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::create(folder.path()).unwrap();
        spool.add(&Batch::default()).unwrap();
        spool.file.write_all(b"{\"cut").unwrap();
        let mut batches = spool.replay().unwrap();
        assert!(batches.next().await.unwrap().is_some());
        assert!(batches.next().await.is_err());
    }
}
