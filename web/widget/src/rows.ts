// Table rows. Unlike in plain Markdown, a row may stand without a header (answers quote single rows), and its
// citation may stand behind its last bar.

const ROW = /^ {0,3}\|.*\|(\s*\[\d+\])*\s*(\((?:unverified|확인되지 않음)\))?\s*$/;
const SEPARATOR = /^ {0,3}\|?(\s*:?-+:?\s*\|)+\s*:?-*:?\s*$/;

/** Where the first row of a text begins. */
export const ROWS = new RegExp(ROW.source, "m");

export function isRow(line: string): boolean {
  return ROW.test(line) && !SEPARATOR.test(line);
}

export function isSeparator(line: string): boolean {
  return SEPARATOR.test(line);
}

/** The cells of a row, cut at bars that are neither escaped nor in code; what stands behind it joins the last. */
export function cells(line: string): string[] {
  const end = line.lastIndexOf("|");
  const row = line.slice(line.indexOf("|") + 1, end);
  const behind = line.slice(end + 1).trim();
  const found = (row.match(/(?:\\\||`[^`]*`|[^|])+|(?<=\||^)(?=\||$)/g) ?? []).map((cell) => cell.replaceAll("\\|", "|").trim());
  if (behind) found.push(`${found.pop() ?? ""} ${behind}`.trim());
  return found;
}
