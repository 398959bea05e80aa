//! Progress on standard error, where a person watches.

use indicatif::{ProgressBar, ProgressStyle};

use crate::commands::terminal::{is_watched, note};
use crate::eval::Progress;

/// A bar for the set that is being asked, or its corpus; notes above it.
pub(super) struct Show {
    bar: Option<ProgressBar>,
}

impl Show {
    pub(super) fn new() -> Self {
        let bar = is_watched().then(|| {
            let bar = ProgressBar::no_length();
            let template = "{msg} {wide_bar} {pos}/{len} {elapsed}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar
        });
        Self { bar }
    }

    pub(super) fn progress(&self, progress: &Progress) {
        match (progress, &self.bar) {
            (Progress::Documents { set, done, of }, Some(bar)) => {
                bar.set_message(format!("{set}: documents"));
                bar.set_length(*of);
                bar.set_position(*done);
            }
            (Progress::Questions { set, done, of }, Some(bar)) => {
                bar.set_message(format!("{set}: questions"));
                bar.set_length(*of as u64);
                bar.set_position(*done as u64);
            }
            (Progress::Note { text }, Some(bar)) => bar.println(text),
            (Progress::Note { text }, None) => note(text),
            (_, None) => {}
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
