// Chosen lines: each part and the scope it must have.
import assert from "node:assert/strict";
import { test } from "node:test";
import { tokenize } from "./grammar.mjs";

/** Asserts that in `text` the parts, from left to right, have these scopes (their beginnings, inside first). */
async function expect(text, parts, scope) {
  const tokens = (await tokenize(text, scope)).flat();
  let from = 0;
  for (const [part, wanted] of parts) {
    const at = tokens.findIndex((token, i) => i >= from && token.text.trim() === part);
    assert.notEqual(at, -1, `no token \`${part}\` in \`${text}\`: ${tokens.map((t) => `\`${t.text}\``).join(" ")}`);
    const found = tokens[at].scopes;
    assert.ok(found.some((s) => s.startsWith(wanted)), `\`${part}\` in \`${text}\` is ${found.join(", ")}, not ${wanted}`);
    from = at + 1;
  }
}

test("statements by kind, at the start of a line and behind ; { }", async () => {
  await expect("train 5; lr cosine", [
    ["train", "keyword.control.step"],
    ["5", "constant.numeric"],
    [";", "punctuation.terminator"],
    ["lr", "keyword.other.setting"],
    ["cosine", "support.class.component"],
  ]);
  await expect("repeat 3 { forget head 30% } relearn 1", [
    ["repeat", "keyword.control.flow"],
    ["{", "punctuation.section.block"],
    ["forget", "keyword.control.step"],
    ["head", "variable.language.selector"],
    ["30", "constant.numeric"],
    ["%", "keyword.other.unit.percent"],
    ["relearn", "keyword.control.step"],
  ]);
  await expect("if a { train 1 } else if not b { train 2 }\nelse { train 3 }", [
    ["if", "keyword.control.flow"],
    ["else", "keyword.control.flow"],
    ["if", "keyword.control.flow"],
    ["not", "keyword.operator.word"],
    ["else", "keyword.control.flow"],
    ["train", "keyword.control.step"],
  ]);
  await expect("relearn 1 with { batch all }", [
    ["with", "keyword.other.particle"],
    ["batch", "keyword.other.setting"],
    ["all", "variable.language.selector"],
  ]);
});

test("what a program defines, and what it calls", async () => {
  await expect('param p: Share = 30% in 0%..=100% "why"', [
    ["param", "storage.type.declaration"],
    ["p", "variable.other.definition"],
    [":", "punctuation.separator.key-value"],
    ["Share", "support.type"],
    ["=", "keyword.operator.assignment"],
    ["in", "keyword.other.particle"],
    ["..=", "keyword.operator.range"],
    ["why", "string.quoted.double"],
  ]);
  await expect("phase polish(share: Share, time: Duration = 10) { relearn time }", [
    ["phase", "storage.type.declaration"],
    ["polish", "entity.name.function.phase"],
    ["share", "variable.parameter"],
    ["Share", "support.type"],
    ["Duration", "support.type"],
    ["time", "variable.other"],
  ]);
  await expect("polish(share: 10%)\nagain()", [
    ["polish", "entity.name.function.phase"],
    ["share", "variable.parameter"],
    ["again", "entity.name.function.phase"],
  ]);
  await expect("for c in 0..10 { zap head[c] }", [
    ["for", "keyword.control.flow"],
    ["c", "variable.other.definition"],
    ["in", "keyword.other.particle"],
    ["..", "keyword.operator.range"],
    ["c", "variable.other"],
  ]);
  await expect("let été2 = 学習率", [["été2", "variable.other.definition"], ["学習率", "variable.other"]]);
});

test("numbers, units and ranges", async () => {
  await expect("train 40 epochs", [["40", "constant.numeric"], ["epochs", "keyword.other.unit"]]);
  await expect("keep every: 90 s", [["90", "constant.numeric"], ["s", "keyword.other.unit"]]);
  await expect("forget layers[-2..] 0.3", [
    ["layers", "variable.language.selector"],
    ["-", "keyword.operator.arithmetic"],
    ["2", "constant.numeric"],
    ["..", "keyword.operator.range"],
    ["0.3", "constant.numeric"],
  ]);
  for (const number of ["1_000", ".5", "3e-4", "1.5E+3", "5"]) {
    await expect(`let x = ${number}`, [[number, "constant.numeric"]]);
    await expect(`let x = [${number}..${number}]`, [[number, "constant.numeric"], ["..", "keyword.operator.range"]]);
  }
  for (const wrong of ["40eps", "0.3.4", "1e", "5."]) {
    await expect(`train ${wrong}`, [[wrong, "invalid.illegal.number"]]);
  }
  await expect("measure clean every: 1 epoch at: forget", [
    ["epoch", "keyword.other.unit"],
    ["at", "variable.parameter"],
    ["forget", "support.constant.choice"],
  ]);
});

test("one word in several parts", async () => {
  await expect("objective adversarial(pgd(eps: 8/255, crafted_in: train))", [
    ["adversarial", "support.class.component"],
    ["pgd", "support.class.component"],
    ["train", "support.constant.choice"],
  ]);
  await expect("expect train.loss < test.loss", [
    ["train", "support.constant.split"],
    [".", "punctuation.accessor"],
    ["loss", "support.function.metric"],
    ["test", "support.constant.split"],
  ]);
  await expect("evaluate clean on test", [["on", "keyword.other.particle"], ["test", "support.constant.split"]]);
  await expect("model sequential([conv(8, 3), norm])", [["conv", "support.class.component"]]);
  await expect("freeze conv + norms", [["conv", "variable.language.selector"]]);
  await expect("let a = kl(on: x)", [["kl", "entity.name.function.call"], ["on", "variable.parameter"]]);
});

test("a statement over several lines", async () => {
  await expect("measure clean, # why\n\n  loss every:\n    1 epoch\ntrain 1", [
    ["loss", "support.function.metric"],
    ["epoch", "keyword.other.unit"],
    ["train", "keyword.control.step"],
  ]);
  await expect("freeze conv +\n  head", [["head", "variable.language.selector"]]);
  await expect("data digits(\n  train: 100,\n  # a comment\n)\ntrain 1", [
    ["train", "variable.parameter"],
    ["#", "punctuation.definition.comment"],
    ["train", "keyword.control.step"],
  ]);
});

test("texts, comments and pragmas", async () => {
  await expect('checkpoint "a \\" # b"  # c "', [
    ['"', "punctuation.definition.string.begin"],
    ['\\"', "constant.character.escape"],
    ["# b", "string.quoted.double"],
    ["#", "punctuation.definition.comment"],
    ['c "', "comment.line.number-sign"],
  ]);
  await expect('checkpoint "open\ntrain 1', [["train", "keyword.control.step"]]);
  await expect('checkpoint "\\q \\u{1F980}"', [
    ["\\q", "invalid.illegal.escape"],
    ["\\u{1F980}", "constant.character.escape"],
  ]);
  await expect("train 1 # fsched: allow(FS1003, hidden-name)", [
    ["fsched:", "keyword.other.pragma"],
    ["allow", "keyword.other.pragma"],
    ["FS1003", "constant.other.lint"],
    ["hidden-name", "constant.other.lint"],
  ]);
});

test("habits of other languages are shown as wrong", async () => {
  await expect("train 1 // why", [["// why", "invalid.illegal.comment"]]);
  await expect("checkpoint 'a'", [["'", "invalid.illegal.character"]]);
});

test("blocks in Markdown", async () => {
  const text = "# title\n\n```fsched\ntrain 5  # why\n```\n\ntrain 5\n```python\ntrain 5\n```";
  await expect(text, [["fsched", "fenced_code.block.language"], ["train", "keyword.control.step"]], "text.html.markdown");
  const lines = await tokenize(text, "text.html.markdown");
  const scopes = (line) => lines[line].flatMap((token) => token.scopes).join(" ");
  assert.match(scopes(3), /meta\.embedded\.block\.fsched/);
  assert.doesNotMatch(scopes(6), /fsched/);
  assert.doesNotMatch(scopes(8), /fsched/);
});
