// What the service says, as its JSON has it. Fields that a later version may leave out are optional.

/** A passage that was read for a question; its number is what `[n]` in an answer means. */
export interface Passage {
  number: number;
  title: string;
  uri: string;
  /** Relative to the source's root. */
  path: string;
  /** Heading path, joined with " > ". */
  heading: string;
  updated_at: string | null;
  owner: string | null;
}

/** A passage that the answer cites. */
export interface Citation extends Passage {
  quote?: string;
  verified?: boolean | null;
  /** The moment that the data are as of. */
  fresh_at?: string | null;
  status?: string | null;
}

/** What became of a sentence; places count characters, not UTF-16 units. */
export interface Mark {
  start: number;
  end: number;
  verified: boolean;
  reason?: string | null;
}

export interface Contact {
  asset: string | null;
  owner: string | null;
  slack: string | null;
  email: string | null;
  /** Whether docent asks them in Slack when it is told to. */
  hand_off?: boolean;
}

export interface Answer {
  interaction_id: string;
  conversation_id: string;
  question: string;
  standalone_question: string;
  answer: string;
  outcome: "answered" | "abstained" | "failed";
  generator: "model" | "extractive";
  fallback_reason: string | null;
  citations: Citation[];
  marks?: Mark[];
  contact: Contact | null;
}

/** The events of a streamed answer, as far as they are shown. `lost` is the reader's own: the network went away. */
export type AnswerEvent =
  | { event: "turn"; data: { interaction_id: string; conversation_id: string; question: string; standalone_question: string } }
  | { event: "sources"; data: { passages: Passage[] } }
  | { event: "delta"; data: { text: string } }
  | { event: "citations"; data: { citations: Citation[] } }
  | { event: "done"; data: Answer }
  | { event: "lost"; data: null }
  | { event: "mark"; data: Mark };

/** A question as `/v1/chat` takes it. */
export interface Question {
  question: string;
  message_id: string;
  conversation_id?: string;
}

export type Rating = "up" | "down";
