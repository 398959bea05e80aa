//! The queue in front of Postgres: whoever writes a record never waits.

use tokio::sync::mpsc;

use super::Record;

/// Takes records; cheap to clone.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::UnboundedSender<Record>,
}

impl Writer {
    /// A writer whose records arrive at the receiver instead of in Postgres.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Record>) {
        let (queue, records) = mpsc::unbounded_channel();
        (Self { queue }, records)
    }

    /// Queues a record.
    pub fn write(&self, record: Record) {
        let _ = self.queue.send(record);
    }
}
