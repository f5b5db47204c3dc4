/** Colour on a terminal: names and headings stand out. Output that is no terminal's is never coloured, nor any if `NO_COLOR` is set. */

const bold = (text: string) => `\u001b[1m${text}\u001b[0m`;
const cyan = (text: string) => `\u001b[36m${text}\u001b[0m`;
const red = (text: string) => `\u001b[31m${text}\u001b[0m`;
const yellow = (text: string) => `\u001b[33m${text}\u001b[0m`;

/** Colours the output of the overview (`show`): switches, routers and chassis bold, their ports and tunnels cyan. */
export function colourOverview(text: string): string {
  return text
    .replace(/^(switch|router|Chassis) .*$/gm, bold)
    .replace(/^( {4})((?:port|nat|Encap|Port_Binding) .*)$/gm, (_, indent: string, rest: string) => indent + cyan(rest))
    .replace(/^( {8})(type: .*|tag: .*)$/gm, (_, indent: string, rest: string) => indent + yellow(rest));
}

/** Colours a message of failure. */
export function colourError(text: string): string {
  return red(text);
}
