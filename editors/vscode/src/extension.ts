// The extension: starts `fsched lsp` for fsched programs, and shows their plans.
import * as vscode from "vscode";
import { Plans } from "./plans";
import { Server } from "./server";

let server: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const output = vscode.window.createOutputChannel("fsched");
  const plans = new Plans();
  const running = new Server(output, plans);
  server = running;
  context.subscriptions.push(
    output,
    plans,
    vscode.commands.registerCommand("fsched.restart", () => running.restart()),
    vscode.commands.registerCommand("fsched.showOutput", () => output.show()),
    vscode.commands.registerCommand("fsched.showPlan", () => running.showPlan()),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (["fsched.path", "fsched.dataDir", "fsched.allowPath"].some((name) => change.affectsConfiguration(name))) {
        void running.restart();
      }
    }),
  );
  await running.start();
}

export function deactivate(): Thenable<void> | undefined {
  return server?.stop();
}
