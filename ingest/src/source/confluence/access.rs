//! Who may read a page: its own restriction and those of everything above it, all at once.

use std::collections::{BTreeMap, BTreeSet};

/// Who may read one thing in Confluence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Access {
    /// Whoever may read the space.
    Open,
    /// Groups, by Confluence's names, and a number of people.
    Only {
        groups: BTreeSet<String>,
        people: usize,
    },
    /// It cannot be found out.
    Unknown(String),
    /// It could not be found out this time.
    NotNow(String),
}

/// What it comes to for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Readers {
    /// The source's groups.
    All,
    /// These groups, by docent's names.
    Groups(Vec<String>),
    /// It cannot be said in groups, so nobody may.
    Nobody(String),
    /// To be asked again in the next run; until then it stays as it is.
    Later(String),
}

/// Puts the restrictions along a page's path together: a reader must pass each of them. People who
/// are named beside groups are left out, which only narrows.
pub(super) fn readers<'a>(
    path: impl Iterator<Item = &'a Access>,
    names: &BTreeMap<String, String>,
) -> Readers {
    let mut allowed: Option<BTreeSet<String>> = None;
    for access in path {
        let groups = match access {
            Access::Open => continue,
            Access::Unknown(reason) => {
                return Readers::Nobody(format!("permission unknown: {reason}"));
            }
            Access::NotNow(reason) => return Readers::Later(reason.clone()),
            Access::Only { groups, people } if groups.is_empty() => {
                return Readers::Nobody(format!(
                    "permission unknown: it is restricted to {people} people by name, whom docent \
                     cannot tell apart; restrict it to a group instead"
                ));
            }
            Access::Only { groups, .. } => groups,
        };
        allowed = Some(match allowed {
            None => groups.clone(),
            Some(above) => above.intersection(groups).cloned().collect(),
        });
    }
    match allowed {
        None => Readers::All,
        Some(groups) if groups.is_empty() => Readers::Nobody(
            "permission unknown: its restriction and one above it have no group in common"
                .to_owned(),
        ),
        Some(groups) => Readers::Groups(
            groups
                .into_iter()
                .map(|group| names.get(&group).cloned().unwrap_or(group))
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(groups: &[&str], people: usize) -> Access {
        Access::Only {
            groups: groups.iter().map(ToString::to_string).collect(),
            people,
        }
    }

    #[test]
    fn a_reader_must_pass_every_restriction() {
        let names = BTreeMap::from([("confluence-finance".to_owned(), "finance".to_owned())]);
        let said = |path: &[Access]| readers(path.iter(), &names);
        assert_eq!(said(&[Access::Open, Access::Open]), Readers::All);
        assert_eq!(
            said(&[Access::Open, only(&["confluence-finance", "board"], 2)]),
            Readers::Groups(vec!["board".to_owned(), "finance".to_owned()])
        );
        assert_eq!(
            said(&[only(&["a", "b"], 0), Access::Open, only(&["b", "c"], 0)]),
            Readers::Groups(vec!["b".to_owned()])
        );
        for path in [
            vec![only(&["a"], 0), only(&["b"], 0)],
            vec![only(&[], 3)],
            vec![only(&["a"], 0), Access::Unknown("403".to_owned())],
        ] {
            assert!(matches!(said(&path), Readers::Nobody(_)), "{path:?}");
        }
    }
}
