// Where the program `fsched` is, and what to say if it isn't there.
import { execFile } from "node:child_process";
import * as os from "node:os";
import * as path from "node:path";
import * as vscode from "vscode";

/** The setting `fsched.path`, with `~` and `${workspaceFolder}` filled in. */
export function programPath(): string {
  return filled(vscode.workspace.getConfiguration("fsched").get<string>("path")?.trim() || "fsched");
}

/** What the server is told of where data is. */
export function dataPlaces(): { dataDir?: string; allowPath: string[] } {
  const settings = vscode.workspace.getConfiguration("fsched");
  const folder = settings.get<string>("dataDir")?.trim();
  const allowPath = (settings.get<string[]>("allowPath") ?? []).map(filled);
  return folder ? { dataDir: filled(folder), allowPath } : { allowPath };
}

function filled(setting: string): string {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
  const place = setting.replace(/\$\{workspaceFolder\}/g, folder);
  return place.startsWith("~/") ? path.join(os.homedir(), place.slice(2)) : place;
}

/** What `fsched --version` says; an error has the reason why it says nothing. */
export function version(program: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, ["--version"], { timeout: 10_000 }, (error, stdout) => {
      if (error) {
        const reason = (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such program" : error.message;
        reject(new Error(reason));
      } else {
        resolve(stdout.trim());
      }
    });
  });
}

/** Says that the program cannot be started, and offers what helps. */
export async function reportMissing(program: string, reason: string, output: vscode.OutputChannel): Promise<void> {
  output.appendLine(`cannot start ${program}: ${reason}`);
  const choice = await vscode.window.showErrorMessage(
    `fsched: cannot start \`${program}\`: ${reason}. ` +
      "Build it with `cargo install --path .` in fsched's repository, or say in the settings where it is. Colours work without it.",
    "Open Settings",
    "Show Output",
  );
  if (choice === "Open Settings") {
    await vscode.commands.executeCommand("workbench.action.openSettings", "fsched.path");
  } else if (choice === "Show Output") {
    output.show();
  }
}
