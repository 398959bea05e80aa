//! A claim laid beside a statement, word by word: where both go along and differ in a detail, or in a
//! "not", the claim says something else. Two numbers of one passage that changed places are found so.

use docent_core::index::lexical;

use super::details::token::Token;
use super::details::unit::Unit;
use super::details::{Detail, Found};
use super::passage::said;

/// Items of a sentence that are compared; longer ones are not.
const LONGEST: usize = 96;
/// Items between two that agree: in longer stretches the sentence was rewritten.
const GAP: usize = 3;

/// What a claim has in common with a statement where a "not" of one of them counts.
const GOES_ALONG: f32 = 0.8;

/// A word that means something, or a detail.
#[derive(Debug, Clone)]
pub(super) struct Item {
    kind: Kind,
    /// Whether a negation stands between the item before and this one.
    negated: bool,
}

#[derive(Debug, Clone)]
enum Kind {
    Word(String),
    Detail(Found),
    /// The end of the sentence, which a Korean negation stands before.
    End,
}

/// What a detail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DetailKind {
    Date,
    Clock,
    Weekday,
    Number,
    Rate,
    Identifier,
    Name,
}

impl DetailKind {
    /// Whether it tells how something is, not which thing, nor when something happened.
    pub(super) fn is_standing(self) -> bool {
        matches!(
            self,
            Self::Clock | Self::Weekday | Self::Number | Self::Rate
        )
    }

    fn is_name(self) -> bool {
        matches!(self, Self::Identifier | Self::Name)
    }
}

/// How two sentences lie beside each other.
pub(super) struct Beside {
    /// Words and details that go along.
    pub(super) common: usize,
    /// Whether an identifier or a name is among them.
    pub(super) names_the_same: bool,
    /// The details of each that do not go along.
    pub(super) apart: (usize, usize),
}

/// In what a claim differs from a statement that it goes along with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Difference {
    /// It says one thing where the statement says another.
    Detail {
        said: String,
        stated: String,
        kind: DetailKind,
    },
    /// One of them is negated.
    Negation,
}

/// The items of a sentence.
pub(super) fn items(tokens: &[Token], details: &[Found]) -> Vec<Item> {
    let mut items = Vec::new();
    let mut negated = false;
    let mut korean = false;
    let mut at = 0;
    let mut push = |kind: Kind, negated: &mut bool| {
        items.push(Item {
            kind,
            negated: std::mem::take(negated),
        });
    };
    while at < tokens.len() {
        let token = &tokens[at];
        korean |= token.is_hangul();
        if let Some(found) = details.iter().find(|found| found.place.start == at) {
            push(Kind::Detail(found.clone()), &mut negated);
            at = found.place.end.max(at + 1);
            continue;
        }
        at += 1;
        if is_negation(token, tokens.get(at)) {
            negated = !negated;
        } else if token.is_hangul() {
            let word = lexical::subject(&token.lower);
            if !is_light(&word) {
                push(Kind::Word(word.into_owned()), &mut negated);
            }
        } else if token.is_word()
            && let Some(term) = lexical::terms(&token.lower).into_iter().next()
        {
            push(Kind::Word(term), &mut negated);
        }
    }
    if korean {
        push(Kind::End, &mut negated);
    }
    items
}

fn is_negation(token: &Token, next: Option<&Token>) -> bool {
    if token.is_hangul() {
        let word = token.lower.as_str();
        return word == "안"
            || word == "못"
            || ["않", "없", "아니", "아닙", "아닌", "못하", "못합", "제외"]
                .iter()
                .any(|stem| word.starts_with(stem));
    }
    let contraction =
        token.lower.ends_with('n') && next.is_some_and(|next| next.raw == "'" && !next.spaced);
    let word = token.lower.as_str();
    (contraction
        && [
            "don", "doesn", "didn", "isn", "aren", "wasn", "weren", "won", "couldn", "shouldn",
            "hasn", "haven",
        ]
        .contains(&word))
        || [
            "not",
            "no",
            "never",
            "without",
            "cannot",
            "none",
            "neither",
            "nor",
            "except",
            "excluding",
            "excludes",
            "exclude",
            "excluded",
            "rather",
            "instead",
        ]
        .contains(&word)
}

/// Korean verbs that only carry a sentence.
fn is_light(word: &str) -> bool {
    let short = word.chars().count() <= 4;
    word.is_empty()
        || (short
            && [
                "있", "하", "되", "됩", "합", "입니", "이다", "해", "돼", "된", "한다", "이며",
                "이고",
            ]
            .iter()
            .any(|stem| word.starts_with(stem)))
}

/// Lays two sentences beside each other.
pub(super) fn beside(claim: &[Item], statement: &[Item], units: &[Unit]) -> Beside {
    if claim.len() > LONGEST || statement.len() > LONGEST {
        return Beside {
            common: 0,
            names_the_same: false,
            apart: (0, 0),
        };
    }
    let pairs = common(claim, statement, units);
    let details = |items: &[Item]| items.iter().filter(|item| item.class().is_some()).count();
    let along = pairs
        .iter()
        .filter_map(|(mine, theirs)| Some((claim[*mine].class()?, statement[*theirs].class()?)));
    let along: Vec<_> = along.collect();
    Beside {
        common: pairs.len(),
        names_the_same: along.iter().any(|(mine, _)| mine.is_name()),
        apart: (
            details(claim) - along.len(),
            details(statement) - along.len(),
        ),
    }
}

/// Where a claim goes along with a statement and differs.
pub(super) fn difference(claim: &[Item], statement: &[Item], units: &[Unit]) -> Option<Difference> {
    if claim.len() > LONGEST || statement.len() > LONGEST {
        return None;
    }
    let pairs = common(claim, statement, units);
    let negations = |items: &[Item]| items.iter().filter(|item| item.negated).count();
    let between = match (pairs.first(), pairs.last()) {
        (Some(first), Some(last)) => negations(&statement[first.1..=last.1]),
        _ => 0,
    };
    let same_negations = negations(claim) == between;
    // In other words, "not" may be "excluding", and nobody can tell.
    let goes_along = pairs.len() as f32 >= GOES_ALONG * claim.len() as f32;
    let mut gap = Gap::default();
    for pair in pairs.into_iter().map(Some).chain([None]) {
        let right = pair.unwrap_or((claim.len(), statement.len()));
        let (mine, theirs) = (
            &claim[gap.claim..right.0],
            &statement[gap.statement..right.1],
        );
        if let Some(found) = differing(mine, theirs, gap.begins, pair.is_some())
            && times(claim, found.1, units) < times(statement, found.1, units)
            // Beside one word only, another part of the statement may have been taken up.
            && ((gap.begins && pair.is_some()) || times(statement, found.0, units) == 0)
        {
            return Some(Difference::Detail {
                said: found.0.text().to_owned(),
                stated: found.1.text().to_owned(),
                kind: found.0.class()?,
            });
        }
        let Some((i, j)) = pair else { break };
        // The word that is negated goes along with the one that is not.
        let along = if gap.begins {
            mine.len() < GAP && theirs.len() <= 2 * GAP
        } else {
            mine.is_empty() && theirs.is_empty()
        };
        if along && !same_negations && goes_along && claim[i].negated != statement[j].negated {
            return Some(Difference::Negation);
        }
        gap = Gap {
            claim: i + 1,
            statement: j + 1,
            begins: true,
        };
    }
    None
}

/// Where a stretch begins in which both do not agree.
#[derive(Default)]
struct Gap {
    claim: usize,
    statement: usize,
    /// Whether something stands before it in which they agree.
    begins: bool,
}

/// The one detail of each of two stretches that stand in the same place, where they are of one kind.
/// Where one of the stretches has no end in which both agree again, the details must stand beside the
/// one that they have.
fn differing<'a>(
    mine: &'a [Item],
    theirs: &'a [Item],
    begins: bool,
    ends: bool,
) -> Option<(&'a Item, &'a Item)> {
    let one = |items: &'a [Item]| {
        let mut details = items
            .iter()
            .filter(|item| matches!(item.kind, Kind::Detail(_)));
        details.next().filter(|_| details.next().is_none())
    };
    let (mine, theirs) = match (begins, ends) {
        (true, true) if mine.len() <= GAP && theirs.len() <= GAP => (one(mine)?, one(theirs)?),
        (true, false) if mine.len() == 1 => (mine.first()?, theirs.first()?),
        (false, true) if mine.len() == 1 => (mine.last()?, theirs.last()?),
        _ => return None,
    };
    (mine.class()? == theirs.class()?).then_some((mine, theirs))
}

impl Item {
    fn text(&self) -> &str {
        match &self.kind {
            Kind::Word(word) => word,
            Kind::Detail(found) => &found.text,
            Kind::End => "",
        }
    }

    /// What can stand in the place of what.
    fn class(&self) -> Option<DetailKind> {
        let Kind::Detail(found) = &self.kind else {
            return None;
        };
        Some(match found.any.first()? {
            Detail::Date(_) => DetailKind::Date,
            Detail::Clock(_) => DetailKind::Clock,
            Detail::Weekday(_) => DetailKind::Weekday,
            Detail::Number(..) => DetailKind::Number,
            Detail::Rate(_) => DetailKind::Rate,
            Detail::Identifier(_) => DetailKind::Identifier,
            Detail::Name(_) => DetailKind::Name,
        })
    }
}

fn is_same(claim: &Item, statement: &Item, units: &[Unit]) -> bool {
    match (&claim.kind, &statement.kind) {
        (Kind::Word(mine), Kind::Word(theirs)) => mine == theirs || begin_alike(mine, theirs),
        (Kind::Detail(mine), Kind::Detail(theirs)) => {
            mine.any.iter().any(|detail| said(detail, theirs, units))
        }
        (Kind::End, Kind::End) => true,
        _ => false,
    }
}

/// How often a sentence says a detail: what only changed its place is no difference.
fn times(items: &[Item], detail: &Item, units: &[Unit]) -> usize {
    items
        .iter()
        .filter(|item| is_same(item, detail, units))
        .count()
}

/// Whether two Korean words have their first two syllables in common, but for the final consonant that
/// an ending brings: `빠집니다` and `빠지지`.
fn begin_alike(mine: &str, theirs: &str) -> bool {
    let first = |word: &str| {
        let mut syllables = word.chars().filter(|c| matches!(c, '가'..='힣'));
        let open = |c: char| (c as u32 - 0xac00) / 28;
        Some((syllables.next()?, open(syllables.next()?)))
    };
    first(mine).is_some_and(|mine| first(theirs) == Some(mine))
}

/// The longest common subsequence, as pairs of places.
fn common(claim: &[Item], statement: &[Item], units: &[Unit]) -> Vec<(usize, usize)> {
    let (rows, columns) = (claim.len(), statement.len());
    let mut same = vec![false; rows * columns];
    let mut length = vec![0_u16; (rows + 1) * (columns + 1)];
    for i in (0..rows).rev() {
        for j in (0..columns).rev() {
            let equal = is_same(&claim[i], &statement[j], units);
            same[i * columns + j] = equal;
            let at = |i: usize, j: usize| i * (columns + 1) + j;
            length[at(i, j)] = if equal {
                length[at(i + 1, j + 1)] + 1
            } else {
                length[at(i + 1, j)].max(length[at(i, j + 1)])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < rows && j < columns {
        if same[i * columns + j] {
            pairs.push((i, j));
            i += 1;
            j += 1;
        } else if length[(i + 1) * (columns + 1) + j] >= length[i * (columns + 1) + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}
