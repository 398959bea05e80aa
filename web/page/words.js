// The interface's texts in English and Korean, and dates in the reader's language.

const ENGLISH = {
  newConversation: "New conversation",
  welcome: "Ask about our data products",
  welcomeMore:
    "Which table to use, what a metric means, how fresh it is, who owns it. Every answer shows where it stands.",
  question: "Your question",
  placeholder: "Ask a question",
  hint: "Enter sends, Shift + Enter starts a new line.",
  send: "Send",
  stop: "Stop",
  close: "Close",
  searching: "Searching the documents",
  reading: (count) => `Reading ${count} ${count === 1 ? "passage" : "passages"}`,
  reconnecting: "Connection lost, trying again",
  understood: "Understood as:",
  sources: "Sources",
  lookedAt: (count) => `What I looked at (${count})`,
  source: (number, title) => `Source ${number}: ${title}`,
  quoted: "Quoted from the documents, word for word.",
  fallback: (reason) => `Quoted from the documents, because the language model did not answer: ${reason}`,
  stopped: "Stopped. The answer is not complete.",
  noAnswer: "The documents do not answer this.",
  contact: "Who may know",
  contactFor: (asset) => `Who may know, for ${asset}`,
  failed: "No answer could be written.",
  again: "Try again",
  interrupted: "This question was interrupted.",
  updated: "Updated",
  owner: "Owner",
  place: "Stands in",
  old: "not updated for a long time",
  unverified: "The quote could not be checked against the sentence.",
  unverifiedHint: "No passage that was read says this.",
  unverifiedTitle: "Not found in the documents",
  dataAsOf: "Data as of",
  status: "Status",
  statuses: { certified: "certified", deprecated: "deprecated" },
  open: "Open the document",
  table: "Table",
  code: "Code",
  answerReady: (text) => `Answer: ${text}`,
  network: "docent cannot be reached. Check your network connection.",
  signIn: "The answer did not come from docent. Perhaps your sign-in has run out: reload the page.",
  tooBusy: "Too many questions right now. Try again in a moment.",
};

const KOREAN = {
  newConversation: "새 대화",
  welcome: "데이터 제품에 대해 물어보세요",
  welcomeMore:
    "어떤 테이블을 써야 하는지, 지표가 무엇을 뜻하는지, 얼마나 최신인지, 담당자가 누구인지 답합니다. 모든 답변에 출처를 표시합니다.",
  question: "질문",
  placeholder: "질문을 입력하세요",
  hint: "Enter로 보내고 Shift + Enter로 줄을 바꿉니다.",
  send: "보내기",
  stop: "중지",
  close: "닫기",
  searching: "문서를 찾고 있습니다",
  reading: (count) => `문단 ${count}개를 읽고 있습니다`,
  reconnecting: "연결이 끊겨 다시 시도하고 있습니다",
  understood: "이렇게 이해했습니다:",
  sources: "출처",
  lookedAt: (count) => `살펴본 문서 (${count})`,
  source: (number, title) => `출처 ${number}: ${title}`,
  quoted: "문서에서 그대로 인용했습니다.",
  fallback: (reason) => `언어 모델이 답하지 않아 문서에서 그대로 인용했습니다: ${reason}`,
  stopped: "중지했습니다. 답변이 완전하지 않습니다.",
  noAnswer: "문서에 답이 없습니다.",
  contact: "물어볼 곳",
  contactFor: (asset) => `물어볼 곳 (${asset})`,
  failed: "답변을 만들지 못했습니다.",
  again: "다시 시도",
  interrupted: "질문이 중단되었습니다.",
  updated: "수정일",
  owner: "담당",
  place: "위치",
  old: "오랫동안 수정되지 않음",
  unverified: "인용문이 문장과 맞는지 확인하지 못했습니다.",
  unverifiedHint: "읽은 문서에 이 내용이 없습니다.",
  unverifiedTitle: "문서에서 찾지 못한 내용",
  dataAsOf: "데이터 기준",
  status: "상태",
  statuses: { certified: "인증됨", deprecated: "사용 중단" },
  open: "문서 열기",
  table: "표",
  code: "코드",
  answerReady: (text) => `답변: ${text}`,
  network: "docent에 연결할 수 없습니다. 네트워크를 확인하세요.",
  signIn: "docent가 보낸 답변이 아닙니다. 로그인이 만료되었을 수 있으니 페이지를 새로 고치세요.",
  tooBusy: "지금은 질문이 너무 많습니다. 잠시 후 다시 시도하세요.",
};

/** BCP 47 tag of the interface. */
export const language = /^ko\b/i.test(navigator.language) ? "ko" : "en";

/** The interface's texts in that language. */
export const words = language === "ko" ? KOREAN : ENGLISH;

/** `ko` for a text with Hangul in it, so that its lines break between words; else `en`. */
export function languageOf(text) {
  return /[\u1100-\u11ff\uac00-\ud7af]/.test(text) ? "ko" : "en";
}

const DAY_MS = 86_400_000;
const OLD_DAYS = 365;

/** An ISO 8601 time as `{date, age, old}`: "6 Oct 2026", "7 weeks ago", older than a year. Null if unreadable. */
export function age(iso) {
  const at = iso ? Date.parse(iso) : NaN;
  if (Number.isNaN(at)) return null;
  const date = new Intl.DateTimeFormat(navigator.language, { dateStyle: "medium" }).format(at);
  const days = Math.max(0, Math.floor((Date.now() - at) / DAY_MS));
  const [count, unit] =
    days < 14 ? [days, "day"] : days < 60 ? [days / 7, "week"] : days < 730 ? [days / 30.44, "month"] : [days / 365.25, "year"];
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  return { date, age: relative.format(-Math.floor(count), unit), old: days > OLD_DAYS };
}
