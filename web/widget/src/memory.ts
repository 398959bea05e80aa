// What survives a reload: the conversation of this tab. Another tab has one of its own.

import type { Answer, Passage, Rating } from "./types.js";

/** One turn as it was seen. */
export interface SeenTurn {
  question: string;
  passages: Passage[];
  /** What was written of the answer. */
  text: string;
  done?: Answer;
  stopped?: boolean;
  problem?: string;
  /** The message of a turn whose answer may have been finished without arriving. */
  message_id?: string;
  rating?: Rating;
}

/** A question that is under way. */
export interface Pending {
  question: string;
  message_id: string;
  conversation_id: string | null;
  at: number;
}

export interface Conversation {
  conversation_id: string | null;
  turns: SeenTurn[];
  pending: Pending | null;
}

export function empty(): Conversation {
  return { conversation_id: null, turns: [], pending: null };
}

/** The conversation kept under a name. */
export function recall(name: string): Conversation {
  try {
    const kept = JSON.parse(sessionStorage.getItem(name) ?? "null") as Conversation | null;
    if (Array.isArray(kept?.turns)) return kept;
  } catch {
    // Storage that is closed to the page or was altered: an empty conversation.
  }
  return empty();
}

/** Keeps a conversation. Where it does not fit, its later half is kept. */
export function remember(name: string, conversation: Conversation): void {
  for (let from = 0; ; from += Math.ceil((conversation.turns.length - from) / 2)) {
    try {
      sessionStorage.setItem(name, JSON.stringify({ ...conversation, turns: conversation.turns.slice(from) }));
      return;
    } catch {
      // Full or closed: the conversation goes on, only a reload loses it.
      if (from >= conversation.turns.length) return;
    }
  }
}

/**
 * The name to keep a conversation under: of this docent and, where the host says who its user is, of this
 * user, so that nobody sees the conversation of whoever was signed in before.
 */
export function nameOf(base: string, userToken: string | null): string {
  return `docent ${base}${userToken === null ? "" : ` ${subject(userToken)}`}`;
}

/** The `sub` of a JWT, or all of what is none; unchecked: it only tells users apart. */
function subject(token: string): string {
  try {
    const claims = token.split(".")[1] ?? "";
    const { sub } = JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/"))) as { sub?: unknown };
    return String(sub ?? "");
  } catch {
    return token;
  }
}

/** A version 4 UUID; `crypto.randomUUID` is missing on plain http. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
