//! Buttons: their names and what they carry, for those who build them and for those who hear of a click.

use uuid::Uuid;

/// Thumbs under an answer; the value says which ([`Vote`]).
pub const FEEDBACK: &str = "docent_feedback";
/// Opens the details of an answer's citations.
pub const DETAILS: &str = "docent_details";
/// Takes the answer away.
pub const DELETE: &str = "docent_delete";
/// Shows a private answer to everyone in the thread.
pub const SHARE: &str = "docent_share";
/// Posts the question to the owner of what it is about.
pub const ASK_OWNER: &str = "docent_ask_owner";
/// Has whoever presses it told when the question is answered; pressed again, not.
pub const TELL_ME: &str = "docent_tell_me";
/// Says that somebody looks after an alert. The value is the alert's id.
pub const ACKNOWLEDGE: &str = "docent_alert_acknowledge";
/// Keeps an alert quiet for a while. The value is the alert's id.
pub const MUTE: &str = "docent_alert_mute";

/// Which thumb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vote {
    Up,
    Down,
}

impl Vote {
    /// The value of its button.
    pub fn value(self, interaction: Uuid) -> String {
        match self {
            Self::Up => format!("{interaction}:up"),
            Self::Down => format!("{interaction}:down"),
        }
    }

    /// What a button's value says.
    pub fn parse(value: &str) -> Option<(Uuid, Self)> {
        let (interaction, vote) = value.split_once(':')?;
        let vote = match vote {
            "up" => Self::Up,
            "down" => Self::Down,
            _ => return None,
        };
        Some((interaction.parse().ok()?, vote))
    }
}

/// The value of every other button: the answer that it stands under, and who asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Under {
    pub interaction: Uuid,
    /// Slack's id of the person.
    pub asker: String,
}

impl Under {
    pub fn value(&self) -> String {
        format!("{}:{}", self.interaction, self.asker)
    }

    pub fn parse(value: &str) -> Option<Self> {
        let (interaction, asker) = value.split_once(':')?;
        Some(Self {
            interaction: interaction.parse().ok()?,
            asker: asker.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_button_carries_comes_back_from_a_click() {
        let interaction = Uuid::now_v7();
        for vote in [Vote::Up, Vote::Down] {
            assert_eq!(
                Vote::parse(&vote.value(interaction)),
                Some((interaction, vote))
            );
        }
        let under = Under {
            interaction,
            asker: "U1".to_owned(),
        };
        assert_eq!(Under::parse(&under.value()), Some(under));
        assert_eq!(Vote::parse("up"), None);
        assert_eq!(Under::parse("x:U1"), None);
    }
}
