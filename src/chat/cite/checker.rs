//! An answer checked while it streams. Words pass at once; a `[n]` is held back until what stands before
//! it has been checked, and goes out only where the passage says it.

use std::mem::take;

use docent_core::models::marks::{Piece, Reader, may_become_code_block};
use docent_core::models::sentences_of;

use super::Evidence;
use super::verdict::{Sources, Verdict, reason};
use crate::chat::ground::{Claim, Quote, claim};
use crate::chat::language::Language;
use crate::chat::turn::Mark;

/// What goes out next.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::chat) enum Shown {
    Text(String),
    Mark(Mark),
}

/// Checks a stream of Markdown with citations.
pub(in crate::chat) struct Checker<'a> {
    sources: &'a Sources<'a>,
    language: Language,
    question: Claim,
    /// Whether the text is quoted, so that its citations are right as they are.
    is_quoted: bool,
    reader: Reader,
    held: String,
    /// All that went out.
    answer: String,
    out: Vec<Shown>,
    /// White space that a citation may follow.
    space: String,
    /// The citations that are held back; empty ones were none.
    group: Option<Vec<usize>>,
    /// How much of the white space stood before them.
    before_group: usize,
    /// Where in the answer the claim, its sentence and its line begin.
    claim: usize,
    sentence: usize,
    line: usize,
    /// What the sentence cited so far.
    carried: Vec<usize>,
    /// The claim before, for a citation that follows another.
    before: Option<Claim>,
    after_row: bool,
    pub(in crate::chat) marks: Vec<Mark>,
    pub(in crate::chat) evidence: Evidence,
    /// Whether the text itself cited a passage that there is.
    pub(in crate::chat) has_cited: bool,
}

impl<'a> Checker<'a> {
    pub(in crate::chat) fn new(sources: &'a Sources<'a>, question: &str, is_quoted: bool) -> Self {
        Self {
            sources,
            language: Language::of(question),
            question: Claim::new(question),
            is_quoted,
            reader: Reader::default(),
            held: String::new(),
            answer: String::new(),
            out: Vec::new(),
            space: String::new(),
            group: None,
            before_group: 0,
            claim: 0,
            sentence: 0,
            line: 0,
            carried: Vec::new(),
            before: None,
            after_row: false,
            marks: Vec::new(),
            evidence: Evidence::new(),
            has_cited: false,
        }
    }

    /// What may be shown of the text so far.
    pub(in crate::chat) fn push(&mut self, text: &str) -> Vec<Shown> {
        self.held.push_str(text);
        self.decide(false);
        take(&mut self.out)
    }

    /// What was still held back at the end, and the last check.
    pub(in crate::chat) fn finish(&mut self) -> Vec<Shown> {
        self.decide(true);
        if let Some(group) = self.group.take() {
            self.close(&group);
        }
        self.end_sentence();
        self.space.clear();
        take(&mut self.out)
    }

    fn decide(&mut self, is_all: bool) {
        let held = take(&mut self.held);
        let mut at = 0;
        loop {
            let was_code = self.reader.in_block();
            let Some((length, piece)) = self.reader.piece(&held[at..], is_all) else {
                break;
            };
            let text = &held[at..at + length];
            match piece {
                Piece::Mark(numbers) => self.cite(&numbers),
                Piece::Verbatim if was_code || self.reader.in_block() => self.code(text),
                Piece::Verbatim => self.words(text),
            }
            at += length;
        }
        held[at..].clone_into(&mut self.held);
    }

    /// A citation: it belongs to what stands before it.
    fn cite(&mut self, numbers: &[usize]) {
        // Without anything in its place, what is around it could become another citation.
        if !self.space.contains('\n') {
            self.space.clear();
            if self.group.is_none() && self.answer.ends_with(['[', '`', '~', '\\']) {
                self.show(" ");
            }
        }
        self.before_group = self.space.len();
        let group = self.group.get_or_insert_default();
        for number in numbers {
            if (1..=self.sources.count()).contains(number) && !group.contains(number) {
                group.push(*number);
            }
        }
        self.has_cited |= !group.is_empty();
    }

    /// Lines of a code block. They are not checked.
    fn code(&mut self, text: &str) {
        if let Some(group) = self.group.take() {
            self.close(&group);
        }
        self.end_sentence();
        self.show_space();
        self.show(text);
        self.begin_sentence();
        self.line = self.answer.len();
    }

    fn words(&mut self, text: &str) {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let is_space = first.is_whitespace();
            let end = rest
                .find(|c: char| c.is_whitespace() != is_space)
                .unwrap_or(rest.len());
            let (run, after) = rest.split_at(end);
            if is_space {
                self.space.push_str(run);
            } else {
                self.word(run);
            }
            rest = after;
        }
    }

    fn word(&mut self, word: &str) {
        let was_held = self.group.take();
        if let Some(group) = &was_held {
            self.close(group);
        }
        let is_exposed = was_held.is_some() && self.is_exposed(word);
        if self.begins_sentence(word) {
            self.end_sentence();
            self.show_space();
            self.begin_sentence();
        } else {
            self.show_space();
        }
        if is_exposed {
            self.show("…");
        }
        self.show(word);
    }

    /// Whether a word would open a code block, or lead to one, without the citation that stood before it in
    /// its line.
    fn is_exposed(&self, word: &str) -> bool {
        let line = if self.space.contains('\n') {
            ""
        } else {
            &self.answer[self.line..]
        };
        (word.starts_with(['`', '~']) || may_become_code_block(&format!("{word} ")))
            && !self.space[self.before_group..].contains('\n')
            && may_become_code_block(line)
    }

    /// Whether a word begins another sentence than the one that was shown last.
    fn begins_sentence(&self, word: &str) -> bool {
        let said = &self.answer[self.sentence..];
        let line = self.answer[self.line..].trim_start();
        if let Some(at) = self.space.find('\n') {
            let is_blank = self.space[at + 1..].contains('\n');
            let is_block =
                line.starts_with(['|', '#']) || word.starts_with(['|', '#', '>', '-', '*', '+']);
            let is_numbered =
                word.starts_with(|c: char| c.is_ascii_digit()) && word.ends_with(['.', ')']);
            return is_blank || is_block || is_numbered || ends(said);
        }
        let has_end = said.contains(['.', '!', '?', '…', '。', '！', '？']);
        has_end
            && !line.starts_with('|')
            && sentences_of(&format!("{said}{}{word}", self.space)).len() > 1
    }

    fn begin_sentence(&mut self) {
        self.sentence = self.answer.len();
        self.claim = self.answer.len();
        self.carried.clear();
    }

    fn show_space(&mut self) {
        let space = take(&mut self.space);
        if !self.answer.is_empty() {
            self.show(&space);
        }
        if space.contains('\n') {
            self.line = self.answer.len();
        }
    }

    fn show(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.answer.push_str(text);
        if let Some(Shown::Text(last)) = self.out.last_mut() {
            last.push_str(text);
        } else {
            self.out.push(Shown::Text(text.to_owned()));
        }
    }

    /// The claim that a group of citations stands behind is complete: they go out as far as they hold.
    fn close(&mut self, group: &[usize]) {
        let text = self.answer[self.claim..].to_owned();
        if !has_words(&text) {
            self.cite_again(group);
            return;
        }
        let claim = Claim::new(&text);
        if group.is_empty() && !claim.says_something() {
            return;
        }
        let verdict = self.verdict(&claim, group);
        self.tell(verdict, !group.is_empty());
        self.before = Some(claim);
        self.claim = self.answer.len();
    }

    /// A citation directly behind others, or in a line of its own: of the same claim.
    fn cite_again(&mut self, group: &[usize]) {
        let Some(claim) = self.before.take() else {
            return;
        };
        let cited = self
            .marks
            .last()
            .map_or_else(Vec::new, |mark| mark.citations.clone());
        let mut verdict = self.verdict(&claim, group);
        verdict
            .holds
            .retain(|(number, _)| group.contains(number) && !cited.contains(number));
        self.before = Some(claim);
        let numbers = self.keep(verdict);
        self.show_numbers(&numbers);
        self.claim = self.answer.len();
        if let Some(mark) = self
            .marks
            .last_mut()
            .filter(|mark| mark.verified && !numbers.is_empty())
        {
            mark.citations.extend(numbers);
            self.out.push(Shown::Mark(mark.clone()));
        }
    }

    fn verdict(&self, claim: &Claim, group: &[usize]) -> Verdict {
        if self.is_quoted {
            let quotes = group
                .iter()
                .filter_map(|number| self.sources.nearest(claim, *number));
            return Verdict {
                holds: quotes.collect(),
                reason: None,
            };
        }
        self.sources.verdict(claim, group)
    }

    /// What is left of a sentence without a citation behind it.
    fn end_sentence(&mut self) {
        let text = self.answer[self.claim..].to_owned();
        let line = self.answer[self.line..].trim_start();
        let is_row = line.starts_with('|');
        let is_head = (is_row && !self.after_row) || line.starts_with('#');
        self.after_row = is_row;
        if !has_words(&text) || self.is_quoted || is_head {
            return;
        }
        let claim = Claim::new(&text);
        if !claim.says_something() || self.is_aside(&text, &claim) {
            return;
        }
        let carried = take(&mut self.carried);
        let verdict = self.sources.verdict(&claim, &carried);
        // What the sentence has cited already is not said again.
        let is_cited = verdict
            .holds
            .iter()
            .any(|(number, _)| carried.contains(number));
        if is_cited {
            let numbers = self.keep(verdict);
            self.mark(true, numbers, None);
        } else {
            self.tell(verdict, !carried.is_empty());
        }
        self.before = Some(claim);
    }

    /// Whether a sentence says nothing of the documents' matter: it leads to what follows, or says that
    /// something is not there, and adds no detail to the question.
    fn is_aside(&self, text: &str, claim: &Claim) -> bool {
        let text = text.trim().trim_end_matches(['*', '_', ' ']);
        text.ends_with([':', '?'])
            || (claim::says_that_nothing_does(text) && claim.adds_nothing_to(&self.question))
    }

    /// Shows the citations that hold, or that none does.
    fn tell(&mut self, verdict: Verdict, has_cited: bool) {
        let why = verdict.reason.clone();
        let numbers = self.keep(verdict);
        if numbers.is_empty() {
            let why = reason(why.as_ref().filter(|_| has_cited), self.language);
            self.mark(false, Vec::new(), Some(why));
            self.show(unverified(self.language));
        } else {
            self.mark(true, numbers.clone(), None);
            self.show_numbers(&numbers);
        }
        self.carried = numbers;
    }

    /// Keeps what the passages say for the answer; the numbers of them.
    fn keep(&mut self, verdict: Verdict) -> Vec<usize> {
        let mut numbers = Vec::new();
        for (number, quote) in verdict.holds {
            numbers.push(number);
            let kept = match self.evidence.remove(&number) {
                None => quote,
                Some(known) => self.one_of(number, known, quote),
            };
            self.evidence.insert(number, kept);
        }
        numbers
    }

    /// What is quoted of a passage that says two things: where the answer is made of its sentences, all from
    /// the first to the last under a heading; else the sentence that has most in common with a claim.
    fn one_of(&self, number: usize, known: Quote, quote: Quote) -> Quote {
        let both = self
            .is_quoted
            .then(|| self.sources.through(number, &known, &quote));
        both.flatten().unwrap_or(if known.score < quote.score {
            quote
        } else {
            known
        })
    }

    fn show_numbers(&mut self, numbers: &[usize]) {
        if numbers.is_empty() {
            return;
        }
        let numbers: Vec<String> = numbers.iter().map(|number| format!("[{number}]")).collect();
        let gap = if self.answer.ends_with([']', ' ']) {
            ""
        } else {
            " "
        };
        self.show(&format!("{gap}{}", numbers.concat()));
    }

    /// Tells what became of the claim that ends the answer so far.
    fn mark(&mut self, verified: bool, citations: Vec<usize>, reason: Option<String>) {
        let claim = &self.answer[self.claim..];
        let start = self.answer.len() - claim.trim_start().len();
        let mark = Mark {
            start: self.answer[..start].chars().count(),
            end: self.answer.chars().count(),
            verified,
            citations,
            reason,
        };
        self.marks.push(mark.clone());
        self.out.push(Shown::Mark(mark));
    }
}

/// What stands behind a sentence that no passage says. Every client shows it: it is part of the text.
pub(in crate::chat) fn unverified(language: Language) -> &'static str {
    match language {
        Language::English => " (unverified)",
        Language::Korean => " (확인되지 않음)",
    }
}

fn has_words(text: &str) -> bool {
    let text = text.trim_start_matches('…');
    text.contains(char::is_alphanumeric) && !may_become_code_block(&format!("{text} "))
}

/// Whether a text ends as a sentence or a lead does.
fn ends(text: &str) -> bool {
    text.trim_end_matches(['*', '_', '"', '”', ')', ']'])
        .ends_with(['.', '!', '?', ':', '…', '。', '！', '？'])
        || text.ends_with(']')
}

#[cfg(test)]
mod tests;
