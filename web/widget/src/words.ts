// The texts of the interface: English and Korean are inside, others come from a JSON file of the host.

import { ENGLISH } from "./words/en.js";
import { KOREAN } from "./words/ko.js";

export type Key = keyof typeof ENGLISH;
type Texts = Record<Key, string>;
type Values = Record<string, string | number>;

// Languages that are written from right to left, as far as a browser may ask for one.
const FROM_RIGHT = /^(ar|arc|ckb|dv|fa|he|ks|ps|sd|ug|ur|yi)\b/i;

/** The interface in one language. */
export class Words {
  readonly #plural: Intl.PluralRules;
  readonly #dates: Intl.DateTimeFormat;
  readonly #ages: Intl.RelativeTimeFormat;

  private constructor(
    /** BCP 47 tag of the texts. */
    readonly language: string,
    readonly direction: "ltr" | "rtl",
    private readonly texts: Texts,
  ) {
    this.#plural = new Intl.PluralRules(language);
    this.#dates = new Intl.DateTimeFormat(language.startsWith("en") ? undefined : language, { dateStyle: "medium" });
    this.#ages = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  }

  /** The built-in texts that fit a language best. */
  static of(language: string): Words {
    return /^ko\b/i.test(language) ? new Words("ko", "ltr", KOREAN) : new Words("en", "ltr", ENGLISH);
  }

  /** Texts of a JSON file, `{"language": "ar", "send": "…"}`; what it leaves out stays English. */
  static from(file: unknown): Words {
    const given = (typeof file === "object" && file !== null ? file : {}) as Record<string, unknown>;
    const texts: Texts = { ...ENGLISH };
    for (const key of Object.keys(ENGLISH) as Key[]) {
      const text = given[key];
      if (typeof text === "string") texts[key] = text;
    }
    const language = canonical(given["language"]);
    return new Words(language, FROM_RIGHT.test(language) ? "rtl" : "ltr", texts);
  }

  /** A text with its `{places}` filled in. With a `count`, the text for one is `KeyOne`. */
  say(key: Key, values: Values = {}): string {
    const one = `${key}One` as Key;
    const singular = typeof values["count"] === "number" && this.#plural.select(values["count"]) === "one" && one in this.texts;
    return this.texts[singular ? one : key].replaceAll(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
  }

  /** A status of a document in words; an unknown one as it is. */
  status(status: string): string {
    return status === "certified" || status === "deprecated" ? this.say(status) : status;
  }

  /** An ISO 8601 time as `{date, age, old}`: "6 Oct 2026", "7 weeks ago", older than a year. Null if unreadable. */
  age(iso: string | null | undefined): { date: string; age: string; old: boolean } | null {
    const at = iso ? Date.parse(iso) : NaN;
    if (Number.isNaN(at)) return null;
    const days = Math.max(0, Math.floor((Date.now() - at) / DAY_MS));
    const [count, unit]: [number, Intl.RelativeTimeFormatUnit] =
      days < 14 ? [days, "day"] : days < 60 ? [days / 7, "week"] : days < 730 ? [days / 30.44, "month"] : [days / 365.25, "year"];
    return { date: this.#dates.format(at), age: this.#ages.format(-Math.floor(count), unit), old: days > OLD_DAYS };
  }
}

const DAY_MS = 86_400_000;
const OLD_DAYS = 365;

function canonical(language: unknown): string {
  try {
    return Intl.getCanonicalLocales(String(language))[0] ?? "en";
  } catch {
    return "en";
  }
}

/** `ko` for a text with Hangul in it, so that its lines break between words; else nothing is said. */
export function languageOf(text: string): string {
  return /[\u1100-\u11ff\uac00-\ud7af]/.test(text) ? "ko" : "en";
}
