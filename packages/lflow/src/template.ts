/** Template variables: `^name` in a match or in actions stands for the text that the chassis has for it (ovn-sb(5), Chassis_Template_Var). */

const variable = /\^([A-Za-z_][A-Za-z0-9_.]*)/g;

/** The text with its template variables replaced. A name without a value loses its `^`, which the parser will then complain about. */
export function expandTemplate(text: string, lookup: (name: string) => string | undefined): string {
  if (!text.includes('^')) return text;
  return text.replace(variable, (_, name: string) => lookup(name) ?? name);
}
