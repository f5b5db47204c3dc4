/** The words of a text, as a shell has them: quotes of either kind hold a word together, a backslash that is not in single quotes takes what follows as it is. */

/** @param warn learns what is wrong with the text, which is read all the same */
export function wordsOf(text: string, warn: (problem: string) => void): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === '\\' && quote !== "'") {
      if (i + 1 === text.length) warn(`${text}: ends in trailing backslash`);
      word = (word ?? '') + (text[++i] ?? '');
    } else if (character === quote) quote = undefined;
    else if (quote !== undefined) word += character;
    else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  if (quote !== undefined) warn(`${text}: word ends inside quoted string`);
  if (word !== undefined) words.push(word);
  return words;
}
