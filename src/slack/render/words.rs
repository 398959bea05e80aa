//! What docent itself says in Slack, in both languages.

use chrono::{DateTime, Utc};

use crate::chat::language::Language;

/// Something to say: English and Korean.
#[derive(Debug, Clone, Copy)]
pub struct Words(&'static str, &'static str);

impl Words {
    pub fn in_language(self, language: Language) -> &'static str {
        match language {
            Language::English => self.0,
            Language::Korean => self.1,
        }
    }
}

pub const SEARCHING: Words = Words("is looking through the documents…", "문서를 찾는 중…");
pub const READING: Words = Words("is reading what it found…", "찾은 문서를 읽는 중…");
pub const THINKING: Words = Words("_docent is writing…_", "_docent가 답을 쓰는 중…_");
pub const DETAILS: Words = Words("Quotes and sources", "인용문과 출처");
pub const CLOSE: Words = Words("Close", "닫기");
pub const ASK_OWNER: Words = Words("Ask the owner", "담당자에게 묻기");
pub const TELL_ME: Words = Words("Tell me when this is answered", "답이 생기면 알려 주세요");
pub const ANSWERED: Words = Words(
    "The documents answer your question now:",
    "이제 문서에서 질문의 답을 찾을 수 있습니다.",
);
pub const WHERE_ASKED: Words = Words("Where it was asked", "질문한 곳");
pub const SHARE: Words = Words("Share in this thread", "이 스레드에 공유");
pub const DELETE: Words = Words("Delete", "삭제");
pub const HELPFUL: Words = Words("Helpful", "도움이 됐어요");
pub const NOT_HELPFUL: Words = Words("Not helpful", "도움이 안 됐어요");
pub const OWNER: Words = Words("Owner", "담당");
pub const UPDATED: Words = Words("updated", "수정");
pub const DATA_OF: Words = Words("data as of", "데이터 기준");
pub const MORE: Words = Words("more under the button", "더 있음(버튼에서 보기)");
pub const STOPPED: Words = Words("_Stopped._", "_중지했습니다._");
pub const BROKEN_OFF: Words = Words(
    "_The answer broke off. Please ask again._",
    "_답이 중간에 끊겼습니다. 다시 질문해 주세요._",
);
const TODAY: Words = Words("today", "오늘");

/// How many statements of an answer are not verified.
pub fn unverified(count: usize, language: Language) -> String {
    match (language, count) {
        (Language::English, 1) => {
            "⚠️ 1 statement is marked (unverified): no document cited says it.".to_owned()
        }
        (Language::English, count) => {
            format!("⚠️ {count} statements are marked (unverified): no document cited says them.")
        }
        (Language::Korean, count) => format!(
            "⚠️ (확인되지 않음) 표시가 있는 내용 {count}개는 인용한 문서에서 확인되지 않았습니다."
        ),
    }
}

/// `deprecated` and `certified`.
pub fn status(status: &str, language: Language) -> String {
    match (language, status) {
        (Language::Korean, "deprecated") => "사용 중단됨".to_owned(),
        (Language::Korean, "certified") => "인증됨".to_owned(),
        (_, other) => other.to_owned(),
    }
}

/// A day, and how long ago it was.
pub fn day(at: DateTime<Utc>, now: DateTime<Utc>, language: Language) -> String {
    let date = at.format("%Y-%m-%d");
    let days = (now.date_naive() - at.date_naive()).num_days();
    let ago = match (language, days) {
        (_, ..=0) => TODAY.in_language(language).to_owned(),
        (Language::English, 1) => "1 day ago".to_owned(),
        (Language::English, days) => format!("{days} days ago"),
        (Language::Korean, days) => format!("{days}일 전"),
    };
    format!("{date} ({ago})")
}

/// Why there is no answer, by the error's code.
pub fn failure(code: &str, language: Language) -> &'static str {
    let words = match code {
        "cancelled" => STOPPED,
        "nothing_ingested" => Words(
            "There is nothing to search yet: docent has not read any documents.",
            "아직 읽은 문서가 없어 찾을 수 없습니다.",
        ),
        "too_slow" | "model_unavailable" | "index_unavailable" => Words(
            "I could not answer: a part of docent is slow or down. Please ask again in a few minutes.",
            "지금 docent의 일부가 느리거나 멈춰 답하지 못했습니다. 몇 분 뒤에 다시 질문해 주세요.",
        ),
        "busy" => Words(
            "I am answering as many questions as I can. Please ask again in a moment.",
            "지금 답하는 질문이 많습니다. 잠시 뒤에 다시 질문해 주세요.",
        ),
        "interrupted" => BROKEN_OFF,
        _ => Words(
            "I could not answer because of a defect. It was written down; please ask again.",
            "오류가 나서 답하지 못했습니다. 기록해 두었으니 다시 질문해 주세요.",
        ),
    };
    words.in_language(language)
}
