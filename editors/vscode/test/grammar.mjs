// What the tests share: the program, and the grammar in the engine that Code has: lines of text to tokens with scopes.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import oniguruma from "vscode-oniguruma";
import textmate from "vscode-textmate";

export const extension = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
export const root = path.resolve(extension, "../..");

/** The program `fsched`: FSCHED names one, else that of the repository's target folder. */
const built = ["release", "debug"].map((profile) => path.join(root, "target", profile, "fsched")).find(existsSync);
export const program = process.env.FSCHED ?? built;
if (!program) throw new Error("no program `fsched`: cargo build, or say where it is: FSCHED=…");

const wasm = createRequire(import.meta.url).resolve("vscode-oniguruma/release/onig.wasm");
await oniguruma.loadWASM(readFileSync(wasm));

const read = (name) => textmate.parseRawGrammar(readFileSync(path.join(extension, name), "utf8"), name);

// Code's grammar of Markdown isn't here; blocks are injected into any grammar of that name.
const markdown = JSON.stringify({ scopeName: "text.html.markdown", patterns: [{ match: "^#.*$", name: "heading" }] });

const registry = new textmate.Registry({
  onigLib: Promise.resolve({
    createOnigScanner: (sources) => new oniguruma.OnigScanner(sources),
    createOnigString: (text) => new oniguruma.OnigString(text),
  }),
  loadGrammar: async (scope) =>
    ({
      "source.fsched": () => read("syntaxes/fsched.tmLanguage.json"),
      "markdown.fsched.codeblock": () => read("syntaxes/markdown.tmLanguage.json"),
      "text.html.markdown": () => textmate.parseRawGrammar(markdown, "markdown.json"),
    })[scope]?.(),
  getInjections: (scope) => (scope === "text.html.markdown" ? ["markdown.fsched.codeblock"] : []),
});

/** The tokens of each line of a text: `{ text, start, scopes }`, scopes from the inside out. */
export async function tokenize(text, scope = "source.fsched") {
  const grammar = await registry.loadGrammar(scope);
  let stack = textmate.INITIAL;
  // Code splits lines as the language does, and keeps a byte order mark out of the text.
  return text.replace(/^\uFEFF/, "").split(/\r?\n/).map((line) => {
    const result = grammar.tokenizeLine(line, stack);
    stack = result.ruleStack;
    return result.tokens.map((token) => ({
      text: line.slice(token.startIndex, token.endIndex),
      start: token.startIndex,
      scopes: token.scopes.slice(1).reverse(),
    }));
  });
}
