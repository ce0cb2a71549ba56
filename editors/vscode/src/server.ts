// The language server and what is asked of it.
import * as vscode from "vscode";
import { LanguageClient, State } from "vscode-languageclient/node";
import type { Plans } from "./plans";
import { programPath, reportMissing, version } from "./program";

/** The server's command that gives the plan of a program as text. */
const PLAN = "fsched.plan";

/** `fsched lsp`, started and stopped. */
export class Server {
  private client: LanguageClient | undefined;
  /** Starts and stops come one after the other. */
  private last: Promise<void> = Promise.resolve();

  constructor(
    private readonly output: vscode.OutputChannel,
    private readonly plans: Plans,
  ) {}

  start(): Promise<void> {
    return this.inTurn(() => this.startNow());
  }

  stop(): Promise<void> {
    return this.inTurn(() => this.stopNow());
  }

  restart(): Promise<void> {
    return this.inTurn(async () => {
      await this.stopNow();
      await this.startNow();
    });
  }

  /** Shows the plan of the program in the active editor. */
  async showPlan(): Promise<void> {
    const document = vscode.window.activeTextEditor?.document;
    if (document?.languageId !== "fsched") {
      void vscode.window.showInformationMessage("fsched: open a program (.fsched) to see its plan");
      return;
    }
    if (!this.runs()) {
      await this.restart();
    }
    if (this.runs()) {
      await vscode.commands.executeCommand(PLAN, document.uri.toString());
    }
  }

  private runs(): boolean {
    return this.client?.state === State.Running;
  }

  private inTurn(action: () => Promise<void>): Promise<void> {
    this.last = this.last.then(action, action);
    return this.last;
  }

  private async startNow(): Promise<void> {
    const program = programPath();
    try {
      this.output.appendLine(`starting ${program} lsp (${await version(program)})`);
      this.client = this.newClient(program);
      await this.client.start();
    } catch (error) {
      this.client = undefined;
      void reportMissing(program, error instanceof Error ? error.message : String(error), this.output);
    }
  }

  private async stopNow(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    await client?.dispose();
  }

  private newClient(program: string): LanguageClient {
    const run = { command: program, args: ["lsp"] };
    return new LanguageClient(
      "fsched",
      "fsched",
      { run, debug: run },
      {
        documentSelector: [
          { scheme: "file", language: "fsched" },
          { scheme: "untitled", language: "fsched" },
        ],
        outputChannel: this.output,
        middleware: {
          // The code lens and the palette run the server's command; its answer is a text to be shown.
          executeCommand: async (command, args, next) => {
            const answer: unknown = await next(command, args);
            if (command === PLAN && typeof answer === "string" && typeof args[0] === "string") {
              await this.plans.show(vscode.Uri.parse(args[0]), answer);
            }
            return answer;
          },
        },
      },
    );
  }
}
