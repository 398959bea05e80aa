//! What docent itself says in Slack, besides answers.

use super::render::safe;
use crate::alerts::owner::FALLBACK;
use crate::chat::language::Language;
use crate::chat::turn::Contact;

/// To a message without a question, or with one that is too long.
pub(crate) fn no_question(language: Language, length: usize, longest: usize) -> String {
    match (language, length) {
        (Language::English, 0) => {
            "Ask me a question about our data, in the same message as the mention.".to_owned()
        }
        (Language::Korean, 0) => {
            "멘션과 같은 메시지에 데이터에 관한 질문을 적어 주세요.".to_owned()
        }
        (Language::English, _) => format!(
            "Your question has {length} characters, and I read at most {longest}. Please ask a shorter one."
        ),
        (Language::Korean, _) => format!(
            "질문이 {length}자입니다. 최대 {longest}자까지 읽을 수 있으니 더 짧게 질문해 주세요."
        ),
    }
}

/// A text of somebody else's, so that Slack reads no mention, link or mark-up in it.
pub(crate) fn plain(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn named(contact: Option<&Contact>) -> String {
    let owner = contact.and_then(|contact| contact.owner.as_deref());
    plain(owner.unwrap_or_default())
}

/// Where nobody could be asked.
pub(crate) fn no_owner(language: Language, contact: Option<&Contact>) -> String {
    match (language, &*named(contact)) {
        (Language::English, "") => "I know no owner whom I could ask.".to_owned(),
        (Language::Korean, "") => "물어볼 담당자를 알지 못합니다.".to_owned(),
        (Language::English, owner) => format!(
            "The owner is {owner}, but I know no channel or address of theirs in this Slack that I can write to."
        ),
        (Language::Korean, owner) => {
            format!("담당자는 {owner}이지만, 이 Slack에서 연락할 채널이나 주소를 알지 못합니다.")
        }
    }
}

/// A question on its way to an owner; all texts are [`plain`] already.
pub(crate) struct Handed<'a> {
    /// Somebody's mention or name; `None`: somebody without a name.
    pub(crate) asker: Option<String>,
    pub(crate) question: &'a str,
    /// Of the question in Slack, empty where Slack has given none; `None`: it was asked elsewhere.
    pub(crate) link: Option<&'a str>,
    pub(crate) contact: Option<&'a Contact>,
}

/// The question, to its owner.
pub(crate) fn to_owner(language: Language, handed: &Handed<'_>) -> String {
    let asset = handed.contact.and_then(|contact| contact.asset.as_deref());
    let asset = plain(asset.unwrap_or_default());
    let asker = handed.asker.as_deref();
    let quoted = handed.question.replace('\n', "\n> ");
    let in_slack = handed.link.is_some();
    let (first, last) = match language {
        Language::English => {
            let asker = asker.unwrap_or("Somebody");
            (
                match &*asset {
                    "" => format!("{asker} asks, and I found no good answer:"),
                    asset => format!("{asker} asks about `{asset}`, and I found no good answer:"),
                },
                if in_slack {
                    "Please reply in this thread. With your consent I pass your reply on."
                } else {
                    "Please reply in this thread. With your consent your reply becomes my answer to this question."
                },
            )
        }
        Language::Korean => {
            let asker = asker.map_or_else(|| "동료".to_owned(), |asker| format!("{asker} 님"));
            (
                match &*asset {
                    "" => format!("{asker}의 질문에 좋은 답을 찾지 못했습니다:"),
                    asset => {
                        format!("`{asset}`에 관한 {asker}의 질문에 좋은 답을 찾지 못했습니다:")
                    }
                },
                if in_slack {
                    "이 스레드에 답을 적어 주세요. 동의하시면 답을 전달하겠습니다."
                } else {
                    "이 스레드에 답을 적어 주세요. 동의하시면 그 답을 이 질문의 답변으로 쓰겠습니다."
                },
            )
        }
    };
    let link = match handed.link.unwrap_or_default() {
        "" => String::new(),
        link => format!("\n<{}>", link.replace(['<', '>', '|'], "")),
    };
    format!("{first}\n> {quoted}{link}\n{last}")
}

/// To whoever wanted the owner to be asked.
pub(crate) fn owner_asked(language: Language, contact: Option<&Contact>) -> String {
    let owner = named(contact);
    match language {
        Language::English => format!("I have asked {owner}. What they reply comes here."),
        Language::Korean => {
            format!("{owner} 담당자에게 물어보았습니다. 답이 오면 여기에 전달합니다.")
        }
    }
}

/// To whoever wants to be told when a question has an answer, or does not want it any more.
pub(crate) fn noted(language: Language, question: &str, wanted: bool) -> String {
    let question = plain(&safe::guarded(&safe::line(question, 200)));
    match (language, wanted) {
        (Language::English, true) => format!(
            "Noted: I tell you here when the documents answer this question. To take it back, press the button once more.\n> {question}"
        ),
        (Language::English, false) => {
            format!("Taken back: I do not tell you when this question is answered.\n> {question}")
        }
        (Language::Korean, true) => format!(
            "알겠습니다. 문서에 이 질문의 답이 생기면 여기로 알려 드리겠습니다. 취소하려면 버튼을 한 번 더 눌러 주세요.\n> {question}"
        ),
        (Language::Korean, false) => {
            format!("취소했습니다. 이 질문에 답이 생겨도 알려 드리지 않습니다.\n> {question}")
        }
    }
}

/// To whoever presses a button of an alert that is for others.
pub(crate) fn not_yours(language: Language, owner: &str) -> String {
    let owner = plain(&safe::guarded(&safe::line(owner, 100)));
    match (language, &*owner) {
        (Language::English, FALLBACK) => {
            "This alert is for the data team: only they and administrators acknowledge or mute it."
                .to_owned()
        }
        (Language::Korean, FALLBACK) => {
            "이 알림은 데이터 팀의 알림입니다. 데이터 팀과 관리자만 확인하거나 끌 수 있습니다."
                .to_owned()
        }
        (Language::English, owner) => format!(
            "This alert is for {owner}: only they, the data team and administrators acknowledge or mute it."
        ),
        (Language::Korean, owner) => format!(
            "이 알림은 {owner} 담당자의 알림입니다. 담당자, 데이터 팀, 관리자만 확인하거나 끌 수 있습니다."
        ),
    }
}

/// To the owner, below their reply.
pub(crate) fn stand_by(language: Language) -> String {
    match language {
        Language::English => "Shall I pass this reply on, in your name?",
        Language::Korean => "이 답을 보내신 분의 이름으로 전달할까요?",
    }
    .to_owned()
}

/// On the button below it.
pub(crate) fn pass_on(language: Language) -> &'static str {
    match language {
        Language::English => "Pass it on",
        Language::Korean => "전달하기",
    }
}

/// The reply, where the question was asked, or to whoever asked it elsewhere: with the question then. The
/// people, by Slack's ids, are the asker and the owner.
pub(crate) fn from_owner(
    language: Language,
    [asker, owner]: [&str; 2],
    question: Option<&str>,
    reply: &str,
) -> String {
    let quoted = |text: &str| text.replace('\n', "\n> ");
    let reply = quoted(reply);
    match (language, question.map(quoted)) {
        (Language::English, None) => format!("<@{asker}>, <@{owner}> replies:\n> {reply}"),
        (Language::Korean, None) => format!("<@{asker}> 님, <@{owner}> 님의 답입니다:\n> {reply}"),
        (Language::English, Some(question)) => {
            format!("You asked:\n> {question}\n<@{owner}> replies:\n> {reply}")
        }
        (Language::Korean, Some(question)) => {
            format!("질문하신 내용:\n> {question}\n<@{owner}> 님의 답입니다:\n> {reply}")
        }
    }
}

/// The form for a comment: title, label, and its two buttons.
pub(crate) fn comment_form(language: Language) -> [&'static str; 4] {
    match language {
        Language::English => [
            "What was wrong?",
            "What should the answer say?",
            "Send",
            "Skip",
        ],
        Language::Korean => [
            "무엇이 잘못됐나요?",
            "어떤 답이어야 하나요?",
            "보내기",
            "건너뛰기",
        ],
    }
}
