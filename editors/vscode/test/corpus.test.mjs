// Every program of the repository: each character gets the scope that its token has in the language. The words come from
// the program `fsched` itself, not from the grammar.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { program, root, tokenize } from "./grammar.mjs";

const families = JSON.parse(execFileSync(program, ["list", "--format", "json"], { encoding: "utf8" })).families;
const statements = new Map(families.statement.map((entry) => [entry.name, entry.family]));
const members = (wanted) =>
  new Set(Object.entries(families).filter(([name]) => wanted(name)).flatMap(([, list]) => list.map((e) => e.name)));
const metrics = members((family) => family === "metric");
const components = members((family) => !["metric", "statement", "lint"].includes(family));

const KINDS = {
  step: "keyword.control.step",
  setting: "keyword.other.setting",
  control: "keyword.control.flow",
  declaration: "storage.type.declaration",
};
const PARTICLES = { on: "keyword.other.particle", with: "keyword.other.particle", in: "keyword.other.particle" };
const OPERATORS = { then: "", and: "", or: "", not: "" };

/** The tokens of a valid program, read by the rules of the language: `{ line, start, end, wanted }`. */
function* tokens(text) {
  const pattern =
    /(?<comment>#.*)|(?<string>"(?:[^"\\]|\\.)*")|(?<number>(?:\d[\d_]*(?:\.\d[\d_]*)?|\.\d[\d_]*)(?:[eE][-+]?\d+)?)|(?<word>[\p{Alphabetic}_][\p{Alphabetic}\p{N}_]*)|(?<symbol>\.\.=?|[=!<>]=|[^\s])/gu;
  // Whether a statement begins with the next word: brackets are closed, and the last token ends a statement.
  let brackets = 0;
  let starts = true;
  let goesOn = false;
  let previous = "";
  for (const [line, content] of text.replace(/^\uFEFF/, "").split(/\r?\n/).entries()) {
    starts ||= brackets === 0 && !goesOn;
    for (const match of content.matchAll(pattern)) {
      const { comment, string, number, word } = match.groups;
      const after = content.slice(match.index + match[0].length);
      const at = { line, start: match.index, end: match.index + match[0].length };
      if (comment !== undefined) {
        yield { ...at, wanted: ["comment.line"] };
        continue;
      }
      const wanted = string !== undefined ? ["string.quoted"] : number !== undefined ? ["constant.numeric"] : undefined;
      yield { ...at, wanted: wanted ?? (word !== undefined ? ofWord(word, after, starts, previous) : ofSymbol(match[0])) };
      brackets += "([".includes(match[0]) ? 1 : ")]".includes(match[0]) ? -1 : 0;
      starts = brackets === 0 && /^[;{}]$/.test(match[0]);
      goesOn = /^(?:[,:=+*/&<>-]|[=!<>]=|in|and|or|then|not)$/.test(match[0]);
      previous = match[0];
    }
  }
}

function ofWord(word, after, starts, previous) {
  if (word === "else") return ["keyword.control.flow"];
  if (starts || previous === "else") {
    return [KINDS[statements.get(word)] ?? "entity.name.function.phase"];
  }
  if (/^\s*:/.test(after)) return ["variable.parameter", "variable.other.definition"];
  if (Object.hasOwn(PARTICLES, word)) return [PARTICLES[word]];
  if (Object.hasOwn(OPERATORS, word)) return ["keyword.operator.word"];
  if (previous === "let" || previous === "param" || previous === "for") return ["variable.other.definition"];
  if (previous === "phase") return ["entity.name.function.phase"];
  if (after.startsWith("(") && components.has(word)) return ["support.class.component"];
  if (metrics.has(word)) return ["support.function.metric"];
  if (components.has(word)) return ["support.class.component", "variable.language.selector", "constant.language"];
  // What is left is a unit, a selector, a type, a choice, or a name that the program defines.
  return ["keyword.other.unit", "variable.language", "support.type", "support.constant", "constant.language", "variable.other"];
}

function ofSymbol(symbol) {
  if (symbol === "%") return ["keyword.other.unit.percent"];
  return /^[-+*/&=<>!.]/.test(symbol) && symbol !== "." ? ["keyword.operator"] : ["punctuation."];
}

const folders = ["tests/corpus", "pipelines", "examples", "src/cli"].map((folder) => path.join(root, folder));
const programs = folders.flatMap((folder) =>
  readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".fsched")).map((name) => path.join(folder, name)),
);

test(`each token of ${programs.length} programs has a scope of its kind`, async (t) => {
  let count = 0;
  for (const file of programs) {
    const text = readFileSync(file, "utf8");
    const lines = await tokenize(text);
    for (const { line, start, end, wanted } of tokens(text)) {
      for (const token of lines[line].filter((token) => token.start < end && token.start + token.text.length > start)) {
        const found = token.scopes;
        const right = found.some((scope) => wanted.some((w) => scope.startsWith(w)));
        const place = `${path.relative(root, file)}:${line + 1}:${start + 1}`;
        assert.ok(right, `${place}: \`${token.text}\` is ${found.join(", ") || "nothing"}, not ${wanted.join(" or ")}`);
        assert.ok(!found.some((scope) => scope.startsWith("invalid")), `${place}: \`${token.text}\` is ${found[0]}`);
      }
      count += 1;
    }
  }
  t.diagnostic(`${count} tokens`);
  assert.ok(programs.length >= 40, "the corpus has at least 40 programs");
});

test("each word of each family is coloured", async () => {
  const scopeOf = async (text, word) => {
    const token = (await tokenize(text)).flat().find((t) => t.text.trim() === word);
    return token?.scopes[0] ?? "nothing";
  };
  for (const [word, kind] of statements) {
    assert.ok((await scopeOf(`${word} x`, word)).startsWith(KINDS[kind]), `${word} is a ${kind}`);
  }
  for (const word of components) {
    if (!Object.hasOwn(OPERATORS, word)) {
      assert.match(await scopeOf(`let a = ${word}(1)`, word), /^support\.class\.component/);
    }
  }
  for (const word of metrics) {
    assert.match(await scopeOf(`evaluate ${word}`, word), /^support\.function\.metric/);
  }
});
