// What the extension contributes, and what it does when the program is missing. Code itself isn't here: the built
// extension meets a stand-in for the parts of Code that it uses.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import Module, { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";
import { extension, program, root } from "./grammar.mjs";

const read = (name) => JSON.parse(readFileSync(path.join(extension, name), "utf8"));
const manifest = read("package.json");

/** Code's module: classes and enumerations are empty, what the extension calls is recorded. */
function standIn(settings) {
  const seen = { commands: new Map(), errors: [], output: [], infos: [] };
  const disposable = { dispose() {} };
  const event = () => disposable;
  const known = {
    window: {
      createOutputChannel: () => ({ ...disposable, appendLine: (line) => seen.output.push(line), show() {} }),
      showErrorMessage: async (message, ...choices) => void seen.errors.push({ message, choices }),
      showInformationMessage: async (message) => void seen.infos.push(message),
      activeTextEditor: undefined,
    },
    workspace: {
      getConfiguration: (section) => ({ get: (name) => settings[`${section}.${name}`] }),
      workspaceFolders: [{ uri: { fsPath: "/work folder" } }],
      onDidChangeConfiguration: event,
      onDidCloseTextDocument: event,
      registerTextDocumentContentProvider: event,
    },
    commands: {
      registerCommand: (name, run) => (seen.commands.set(name, run), disposable),
      executeCommand: async () => undefined,
    },
  };
  // Whatever else of Code is loaded is a class with whatever members are asked for.
  const empty = () => new Proxy(class {}, { get: (target, name) => target[name] ?? String(name) });
  const rest = new Proxy({}, { get: (target, name) => (typeof name === "string" ? (target[name] ??= empty()) : undefined) });
  const vscode = Object.assign(Object.create(rest), known);
  return { vscode, seen };
}

/** The built extension, activated. */
async function activate(settings) {
  const file = path.join(extension, "dist/extension.js");
  assert.ok(existsSync(file), "no dist/extension.js: npm run build");
  const { vscode, seen } = standIn(settings);
  const load = Module._load;
  Module._load = (name, ...rest) => (name === "vscode" ? vscode : load(name, ...rest));
  try {
    const require = createRequire(import.meta.url);
    delete require.cache[file];
    const context = { subscriptions: [] };
    await require(file).activate(context);
    return { seen, context };
  } finally {
    Module._load = load;
  }
}

test("a missing program is one friendly message, with what helps", async () => {
  const { seen } = await activate({ "fsched.path": "${workspaceFolder}/nowhere/fsched" });
  assert.equal(seen.errors.length, 1);
  assert.match(seen.errors[0].message, /cannot start `\/work folder\/nowhere\/fsched`: there is no such program/);
  assert.match(seen.errors[0].message, /cargo install/);
  assert.deepEqual(seen.errors[0].choices, ["Open Settings", "Show Output"]);
  assert.match(seen.output.join("\n"), /nowhere\/fsched/);
});

test("every command of the manifest is there, and says what is missing", async () => {
  const { seen, context } = await activate({ "fsched.path": "/nowhere/fsched" });
  const contributed = manifest.contributes.commands.map((c) => c.command).sort();
  assert.deepEqual([...seen.commands.keys()].sort(), contributed);
  await seen.commands.get("fsched.showPlan")();
  assert.match(seen.infos[0], /open a program/);
  await seen.commands.get("fsched.restart")();
  assert.equal(seen.errors.length, 2);
  assert.ok(context.subscriptions.length > contributed.length);
});

test("the files that the manifest names are there", () => {
  const { languages, grammars } = manifest.contributes;
  const files = [...languages.map((l) => l.configuration), ...grammars.map((g) => g.path), "README.md", "CHANGELOG.md"];
  for (const file of files) {
    assert.ok(existsSync(path.join(extension, file)), file);
  }
});

test("tasks find the mistakes that `fsched check --format short` prints", () => {
  const file = path.join(root, "tests/ui/names.fsched");
  const { stdout } = spawnSync(program, ["check", "--format", "short", file], { encoding: "utf8" });
  const { pattern } = manifest.contributes.problemMatchers[0];
  const found = stdout.trim().split("\n").map((line) => line.match(new RegExp(pattern.regexp)));
  assert.ok(found.length > 3 && found.every((match) => match?.[pattern.file] === file), stdout);
  assert.deepEqual([found[0][pattern.line], found[0][pattern.severity], found[0][pattern.code]], ["2", "error", "FS0105"]);
});

test("double clicks take whole words and numbers, and brackets indent", () => {
  const configuration = read("language-configuration.json");
  const { pattern, flags } = configuration.wordPattern;
  const words = "forget layers[-2..] 30% by: été_2 1.5e-3 0..5".match(new RegExp(pattern, `${flags}g`));
  assert.deepEqual(words, ["forget", "layers", "2", "30%", "by", "été_2", "1.5e-3", "0", "5"]);
  const { increaseIndentPattern, decreaseIndentPattern } = configuration.indentationRules;
  for (const line of ["repeat 5 {", "model sequential([  # open", 'checkpoint "}" {', "  hidden: ["]) {
    assert.match(line, new RegExp(increaseIndentPattern), line);
  }
  for (const line of ["train 1  # {", 'checkpoint "{', "repeat 5 { train 1 }"]) {
    assert.doesNotMatch(line, new RegExp(increaseIndentPattern), line);
  }
  assert.match("  ])", new RegExp(decreaseIndentPattern));
});
