// The language server and what is asked of it.
import * as vscode from "vscode";
import { type ExecuteCommandParams, ExecuteCommandRequest, LanguageClient, State } from "vscode-languageclient/node";
import type { Plans } from "./plans";
import { dataPlaces, programPath, reportMissing, version } from "./program";

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

  private async plan(uri: string): Promise<void> {
    try {
      // Asked directly, since the client has an alarming message of its own for commands that say no.
      const params: ExecuteCommandParams = { command: PLAN, arguments: [uri] };
      const text = await this.client?.sendRequest<unknown>(ExecuteCommandRequest.method, params);
      if (typeof text === "string") {
        await this.plans.show(vscode.Uri.parse(uri), text);
      }
    } catch (error) {
      void vscode.window.showWarningMessage(`fsched: ${error instanceof Error ? error.message : String(error)}`);
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
        initializationOptions: dataPlaces(),
        middleware: {
          // The code lens and the palette run the server's command: its answer is shown, or why there is none.
          executeCommand: (command, args, next) => (command === PLAN ? this.plan(String(args[0])) : next(command, args)),
        },
      },
    );
  }
}
