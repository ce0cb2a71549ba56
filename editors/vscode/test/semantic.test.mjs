// The colours of the grammar and those of the language server agree: nothing jumps when the server has started.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { program, root, tokenize } from "./grammar.mjs";

/** `fsched lsp`, asked over its standard input. */
class Server {
  constructor() {
    this.process = spawn(program, ["lsp"], { stdio: ["pipe", "pipe", "inherit"] });
    this.waiting = new Map();
    this.read = Buffer.alloc(0);
    this.process.stdout.on("data", (data) => {
      this.read = Buffer.concat([this.read, data]);
      for (let message = this.next(); message; message = this.next()) this.waiting.get(message.id)?.(message);
    });
  }

  next() {
    const head = this.read.indexOf("\r\n\r\n");
    const length = Number(/Content-Length: (\d+)/i.exec(this.read.subarray(0, Math.max(head, 0)))?.[1]);
    if (head < 0 || this.read.length < head + 4 + length) return undefined;
    const body = this.read.subarray(head + 4, head + 4 + length);
    this.read = this.read.subarray(head + 4 + length);
    return JSON.parse(body);
  }

  send(message) {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    this.process.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  async ask(method, params) {
    const id = this.waiting.size + 1;
    const answer = new Promise((resolve) => this.waiting.set(id, resolve));
    this.send({ id, method, params });
    const { result, error } = await answer;
    assert.equal(error, undefined, `${method}: ${JSON.stringify(error)}`);
    return result;
  }
}

/** What may stand in the grammar for each type of the server. */
const SCOPES = {
  comment: ["comment."],
  string: ["string."],
  number: ["constant.numeric", "keyword.other.unit"],
  operator: ["keyword.operator", "punctuation.", "keyword.other.particle"],
  keyword: ["keyword.", "storage.type", "variable.parameter"],
  function: ["entity.name.function", "support.class", "variable.language", "support.constant"],
  method: ["support.function.metric", "variable.parameter"],
  variable: ["variable.", "entity.name.function.call"],
  parameter: ["variable."],
  property: ["variable.parameter"],
  enumMember: ["keyword.other.unit", "support.constant", "constant.language", "variable.language", "support.class"],
  type: ["support.type"],
  namespace: ["variable.language"],
};

test("the server's colours are of the same kind as the grammar's", async (t) => {
  const server = new Server();
  t.after(() => server.process.kill());
  const capabilities = { textDocument: { semanticTokens: { requests: { full: true } } } };
  const { capabilities: offered } = await server.ask("initialize", { processId: null, rootUri: null, capabilities });
  const { tokenTypes } = offered.semanticTokensProvider.legend;
  server.send({ method: "initialized", params: {} });
  let count = 0;
  for (const folder of ["tests/corpus", "pipelines", "examples"].map((name) => path.join(root, name))) {
    for (const name of readdirSync(folder).filter((name) => name.endsWith(".fsched"))) {
      const file = path.join(folder, name);
      const text = readFileSync(file, "utf8").replace(/^\uFEFF/, "");
      const uri = pathToFileURL(file).href;
      server.send({
        method: "textDocument/didOpen",
        params: { textDocument: { uri, languageId: "fsched", version: 1, text } },
      });
      const { data } = await server.ask("textDocument/semanticTokens/full", { textDocument: { uri } });
      const lines = await tokenize(text);
      let [line, column] = [0, 0];
      for (let i = 0; i < data.length; i += 5) {
        column = data[i] === 0 ? column + data[i + 1] : data[i + 1];
        line += data[i];
        const type = tokenTypes[data[i + 3]];
        const token = lines[line].find((token) => token.start + token.text.length > column);
        const right = token.scopes.some((scope) => SCOPES[type]?.some((wanted) => scope.startsWith(wanted)));
        const place = `${path.relative(root, file)}:${line + 1}:${column + 1}`;
        assert.ok(right, `${place}: \`${token.text}\` is ${type} for the server and ${token.scopes[0]} in the grammar`);
        count += 1;
      }
    }
  }
  t.diagnostic(`${count} tokens`);
  assert.ok(count > 1000, "the server gives tokens");
});
