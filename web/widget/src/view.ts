// What the parts of the chat share while they draw.

import type { Service } from "./service.js";
import type { Citation } from "./types.js";
import type { Words } from "./words.js";

export interface View {
  words: Words;
  service: Service;
  /** Level of a turn's heading: 2 on docent's own page, deeper on a page of others. */
  level: number;
  openCard(citation: Citation): void;
  /** Has a screen reader say something, once. */
  announce(text: string, language?: string): void;
}
